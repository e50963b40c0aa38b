"""What moving and copying have in common: an entry, and the place where it is to stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotFound
from vibecore.domain.files import File
from vibecore.domain.paths import is_within, parents
from vibecore.domain.permissions import Action
from vibecore.domain.totals import FileStamp, FileTotals
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.effects import Effects
from vibecore.services.files.places import FLAG, missing_folders, refuse_twins, taken
from vibecore.services.work import writable


@dataclass(frozen=True, slots=True)
class Transfer:
    """From path to path; `named` is the parameter that gave the second. InvalidValue where the flag is none."""

    source: str
    target: str
    named: str
    refuse_case_collisions: bool

    def __post_init__(self) -> None:
        FLAG.check("refuse_case_collisions", self.refuse_case_collisions)


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at the source, and around the target."""

    tx: UnitOfWork
    effects: Effects
    asked: Transfer
    access: ProjectAccess
    entry: File
    totals: FileTotals
    """Of the source and all below it; of nothing where that was not asked."""
    stamps: Mapping[str, FileStamp]
    twins: Sequence[str]

    def room(self) -> tuple[list[File], UUID | None]:
        """The folders to make above the target, and the id of the one that will hold it.

        AlreadyExists where something stands at the target; InvalidValue where it lies below a file or, if that is to be
        refused, what is made there differs only by case from what is there.
        """
        asked = self.asked
        if asked.target in self.stamps:
            raise taken()
        scope = self.access.project.id
        folders, parent_id = missing_folders(self.tx, self.effects, scope, asked.target, self.stamps, asked.named)
        refuse_twins(self.twins, (*(folder.path for folder in folders), asked.target), asked.named)
        return folders, parent_id


def check_outside(asked: Transfer) -> None:
    """InvalidValue where the target lies within the source."""
    if is_within(asked.target, asked.source):
        raise InvalidValue(asked.named, "must not lie within the source")


def look(
    tx: UnitOfWork, actor: Actor, project_id: UUID, asked: Transfer, effects: Effects, *, counted: bool = False
) -> Found:
    """One batch that reads what a transfer needs to know, once `actor` may write.

    The source itself is no twin where it moves; where it is copied (`counted`) it is. Raises NotFound (kind "file", key
    the source, or kind "project"), PermissionDenied, ReadOnlyProject.
    """
    old, new = asked.source, asked.target
    watched = (*parents(new), new)
    with tx.batch() as batch:
        access = batch.add(tx.projects.access, project_id, actor.user_id)
        found = batch.add(tx.files.find_path, project_id, old)
        stamps = batch.add(tx.files.stamps, project_id, watched)
        totals = batch.add(tx.files.totals, project_id, old) if counted else None
        twins = batch.add(tx.files.case_twins, project_id, watched) if asked.refuse_case_collisions else None
    granted = writable(actor, Action.FILES_WRITE, project_id, access.value)
    if found.value is None:
        raise NotFound("file", old)
    kept = () if twins is None else twins.value
    if not counted:
        kept = [path for path in kept if path != old and not is_within(path, old)]
    nothing = FileTotals(file_count=0, folder_count=0, total_lines=0)
    counts = nothing if totals is None else totals.value
    return Found(tx, effects, asked, granted, found.value, counts, stamps.value, kept)
