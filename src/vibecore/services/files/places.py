"""Places in a project's tree: what is missing above a path, what stands in its way, what lies below it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.changes import Rows, diff, others
from vibecore.domain.errors import AlreadyExists, InvalidValue
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.filters import Filter, field
from vibecore.domain.paths import case_key, normalise_path, parents
from vibecore.domain.projects import PROJECTS, Project
from vibecore.domain.rules import Boolean
from vibecore.domain.totals import FileStamp
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.contents import new_folder
from vibecore.services.effects import Effects

PATH_TAKEN: Final = FILES.uniques[0]
FLAG: Final = Boolean()


def named_path(named: str, value: str) -> str:
    """`normalise_path` with the parameter's name in the error."""
    try:
        return normalise_path(value)
    except InvalidValue as error:
        raise InvalidValue(named, error.reason) from None


def taken() -> AlreadyExists:
    """The error for a path where something stands."""
    return AlreadyExists("file", PATH_TAKEN.name, PATH_TAKEN.fields)


def check_name(name: str) -> str:
    """`name` in normal form, once it can be the last segment of a path; InvalidValue with field "name"."""
    segment = named_path("name", name)
    if "/" in segment:
        raise InvalidValue("name", "must not contain '/'")
    return segment


def refuse_twins(twins: Sequence[str], made: Iterable[str], named: str) -> None:
    """InvalidValue for the parameter `named` where a path that is made is one of `twins`, but for the case."""
    keys = {case_key(path) for path in twins}
    if any(case_key(path) in keys for path in made):
        raise InvalidValue(named, "differs only by case from a path that is in use")


def at_or_below(name: str, path: str) -> Filter:
    """That the field is `path`, or a path below it."""
    return field(name).eq(path) | field(name).starts_with(path + "/")


def recounted(access: ProjectAccess, *, files: int, lines: int) -> Project | None:
    """The project with its counters moved on, or None where they stay."""
    if not files and not lines:
        return None
    project = access.project
    return dataclasses.replace(project, file_count=project.file_count + files, total_lines=project.total_lines + lines)


def told_counters(access: ProjectAccess, after: Project | None) -> dict[str, object]:
    """What an audit row tells of the project whose counters move on, as `others`."""
    return {} if after is None else others((after.id, diff(PROJECTS, access.project, after)))


def told_folders(folders: Sequence[File]) -> Rows:
    """What an audit row tells of folders that were made for an entry."""
    return {"files": {"inserted": len(folders)}} if folders else {}


def missing_folders(
    tx: UnitOfWork, effects: Effects, project_id: UUID, path: str, stamps: Mapping[str, FileStamp], named: str
) -> tuple[list[File], UUID | None]:
    """New folders for what is missing above `path`, the outermost first, and the id of the folder that holds it.

    InvalidValue that names the parameter `named` where a file stands above.
    """
    made: list[File] = []
    parent_id: UUID | None = None
    for above in parents(path):
        stamp = stamps.get(above)
        if stamp is None:
            made.append(new_folder(effects.ids(), project_id, above, parent_id, now=tx.now))
            parent_id = made[-1].id
        elif stamp.type is FileType.FOLDER:
            parent_id = stamp.id
        else:
            raise InvalidValue(named, "lies below a file")
    return made, parent_id
