"""Stacks: a project's `tech_stack` as its files tell it. `ProjectService` has this method."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from vibecore.domain.access import ProjectAccess
from vibecore.domain.actors import Actor
from vibecore.domain.analytics import FileStats, LanguageStats
from vibecore.domain.changes import diff
from vibecore.domain.files import File, FileType
from vibecore.domain.filters import And, Filter, Not, field
from vibecore.domain.json import JsonObject
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.projects import PROJECTS
from vibecore.domain.rules import Boolean
from vibecore.domain.stacks import check_tech_stack
from vibecore.repositories.unit_of_work import Batch, Pending, UnitOfWork
from vibecore.services.manifests import INFRASTRUCTURE, MANIFESTS, Unreadable, technologies
from vibecore.services.scoped import Scoped, check_id
from vibecore.services.work import readable, writable

MAX_MANIFESTS: Final = 200
MAX_MANIFEST_BYTES: Final = 128 * 1024
"""Manifests that are read, the first by path, and how large each may be: what lies beyond is counted, not read."""
LEAST_SHARE: Final = 1
"""Per cent of the lines that a language needs to be named."""
MAX_LANGUAGES: Final = 20
DERIVED: Final = ("languages", "frameworks", "infrastructure")
"""The categories of `tech_stack` that come from the files; all others are kept as they are."""
NO_CODE: Final = frozenset(
    {
        "AsciiDoc", "CSV", "Diff", "EditorConfig", "Git Attributes", "Git Config", "Go Checksums", "Go Module",
        "INI", "Ignore List", "JSON", "JSON with Comments", "JSON5", "Jupyter Notebook", "Markdown", "NPM Config",
        "Org", "Pip Requirements", "Public Key", "RDoc", "Rich Text Format", "SVG", "TOML", "TSV", "Text",
        "XML", "YAML", "reStructuredText", "robots.txt",
    }
)  # fmt: skip
"""Languages of data and prose, as GitHub Linguist sorts them: files have them, stacks do not."""
_VENDORED: Final = ("node_modules/", "vendor/", "site-packages/", ".venv/", "third_party/")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadManifest:
    """A manifest that told nothing, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedStack:
    """What the files say. `tech_stack` is the project's with the derived categories in it, fit to be stored.

    `languages` have their lines, the most first, data and prose left out. `sources` tells by manifest which names it
    gave; `unread` are those that could not be parsed, `left_out` counts those that are too large or too many.
    `applied` says whether the project has it now.
    """

    tech_stack: JsonObject
    languages: tuple[LanguageStats, ...]
    sources: Mapping[str, tuple[str, ...]]
    unread: tuple[UnreadManifest, ...]
    left_out: int
    applied: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one batch reads."""

    access: Pending[ProjectAccess | None]
    statistics: Pending[tuple[FileStats, ...]]
    manifests: Pending[Page[File]]
    present: Pending[int]
    infrastructure: Mapping[str, Pending[int]]


class StackMethods(Scoped):
    """What a project is made of."""

    def derive_tech_stack(self, actor: Actor, project_id: UUID, *, apply: bool = False) -> DerivedStack:
        """What the project's files say of its `tech_stack`: languages by their share of the lines, frameworks and
        databases by the dependencies of manifests, infrastructure by the files that it needs.

        Only proposed, unless `apply`: then it is stored, with an event where it differs. The categories `languages`,
        `frameworks` and `infrastructure` are replaced, all others stay. Names come from a fixed list, never from a
        manifest, and what a manifest holds cannot make the call fail. Vendored folders are left out.

        Raises NotFound (kind "project"), PermissionDenied, InvalidValue; with `apply` ReadOnlyProject too.
        """
        key = check_id("project_id", project_id)
        Boolean().check("apply", apply)

        def propose(tx: UnitOfWork) -> DerivedStack:
            with tx.batch() as batch:
                asked = _ask(tx, batch, actor, key)
            access = readable(actor, Action.FILES_READ, key, asked.access.value)
            return _derived(access, asked, applied=False)

        def store(tx: UnitOfWork) -> DerivedStack:
            with tx.batch() as batch:
                asked = _ask(tx, batch, actor, key)
            access = writable(actor, Action.PROJECT_UPDATE, key, asked.access.value)
            readable(actor, Action.FILES_READ, key, access)
            derived = _derived(access, asked, applied=True)
            project = dataclasses.replace(access.project, tech_stack=derived.tech_stack)
            if project != access.project:
                event = self._event(
                    tx,
                    actor,
                    access,
                    "project.updated",
                    kind="project",
                    key=key,
                    changes=diff(PROJECTS, access.project, project),
                )
                with tx.batch() as batch:
                    batch.add(tx.projects.update, project)
                    batch.add(tx.audit.append, event)
            return derived

        return self._work.write(actor, store) if apply else self._work.read(actor, propose)


def _ask(tx: UnitOfWork, batch: Batch, actor: Actor, project_id: UUID) -> _Asked:
    manifests = _own(field("name").among(sorted(MANIFESTS)))
    small = And((manifests, field("size_bytes").le(MAX_MANIFEST_BYTES)))
    return _Asked(
        access=batch.add(tx.projects.access, project_id, actor.user_id),
        statistics=batch.add(tx.analytics.project_file_stats, project_id=project_id, limit=1),
        manifests=batch.add(tx.files.page, project_id, where=small, order_by="path", limit=MAX_MANIFESTS),
        present=batch.add(tx.files.count, project_id, where=manifests),
        infrastructure={
            name: batch.add(tx.files.count, project_id, where=_own(where)) for name, where in INFRASTRUCTURE.items()
        },
    )


def _own(where: Filter) -> And:
    """`where`, of files that are the project's own."""
    vendored = [Not(field("path").starts_with(folder) | field("path").contains("/" + folder)) for folder in _VENDORED]
    return And((where, field("type").eq(FileType.FILE), *vendored))


def _derived(access: ProjectAccess, asked: _Asked, *, applied: bool) -> DerivedStack:
    found: dict[str, set[str]] = {"frameworks": set(), "infrastructure": set()}
    found["infrastructure"] |= {name for name, count in asked.infrastructure.items() if count.value}
    sources: dict[str, tuple[str, ...]] = {}
    unread: list[UnreadManifest] = []
    manifests = asked.manifests.value.items
    for file in manifests:
        try:
            told = technologies(file.name, file.content)
        except Unreadable as error:
            unread.append(UnreadManifest(path=file.path, reason=error.reason))
            continue
        if told:
            sources[file.path] = tuple(sorted(name for _, name in told))
        for category, name in told:
            found[category].add(name)
    languages = _languages(asked.statistics.value)
    stack: dict[str, object] = {
        category: names for category, names in access.project.tech_stack.items() if category not in DERIVED
    }
    proposed = {"languages": [each.language for each in languages]} | {
        category: sorted(names) for category, names in found.items()
    }
    stack |= {category: names for category, names in proposed.items() if names}
    return DerivedStack(
        tech_stack=check_tech_stack(stack),
        languages=languages,
        sources=sources,
        unread=tuple(unread),
        left_out=asked.present.value - len(manifests),
        applied=applied,
    )


def _languages(statistics: tuple[FileStats, ...]) -> tuple[LanguageStats, ...]:
    """Those with a share worth naming, in the order of the statistics: most lines first."""
    counted = [
        each
        for one in statistics
        for each in one.by_language
        if each.language is not None and each.language not in NO_CODE
    ]
    lines = sum(each.lines for each in counted)
    return tuple(each for each in counted if each.lines and each.lines * 100 >= lines * LEAST_SHARE)[:MAX_LANGUAGES]
