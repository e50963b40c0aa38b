"""Indexing contents: what makes searches faster, brought up to date behind the writers' backs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import Rows
from vibecore.domain.content_grams import ContentGrams, grams_of
from vibecore.domain.files import File
from vibecore.domain.paging import Page
from vibecore.domain.permissions import Action
from vibecore.domain.projects import Project
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.work import Service, allowed

AT_ONCE: Final = 200
"""Contents that are read, and then written of, in one unit of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """How many contents are indexed now that were not, and how many rows of contents that nobody holds have gone."""

    indexed: int
    removed: int


class Indexer(Service):
    """One call of `MaintenanceService.index_contents`."""

    def run(self, actor: Actor) -> IndexReport:
        self._work.permit(actor, Action.MAINTAIN)
        indexed = removed = 0
        cursor: str | None = None
        while True:
            page = self._projects(actor, cursor)
            for project in page.items:
                while contents := self._unindexed(actor, project.id):
                    indexed += self._index(actor, project.id, contents)
                removed += self._purge(actor, project.id)
            if page.next_cursor is None:
                return IndexReport(indexed=indexed, removed=removed)
            cursor = page.next_cursor

    def _projects(self, actor: Actor, cursor: str | None) -> Page[Project]:
        def run(tx: UnitOfWork) -> Page[Project]:
            allowed(actor, Action.MAINTAIN)
            return tx.projects.page(order_by="id", limit=1000, cursor=cursor)

        return self._work.read(actor, run)

    def _unindexed(self, actor: Actor, project_id: UUID) -> Sequence[File]:
        return self._work.read(actor, lambda tx: tx.files.unindexed(project_id, limit=AT_ONCE))

    def _index(self, actor: Actor, project_id: UUID, files: Sequence[File]) -> int:
        """A row for each digest; the files that have it may have changed meanwhile, what is true of it has not."""
        texts = [(file.digest, file.content) for file in files]
        grams = self._effects.runtime.offload(
            lambda: [(digest, grams_of(project_id, text)) for digest, text in texts if digest and text is not None]
        )

        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.MAINTAIN)
            rows = [
                ContentGrams(
                    id=self._effects.ids(),
                    project_id=project_id,
                    digest=digest,
                    grams=found,
                    created_at=tx.now,
                    updated_at=tx.now,
                )
                for digest, found in grams
            ]
            tx.content_grams.upsert(rows, on="uq_content_grams_digest")
            told: Rows = {"content_grams": {"inserted": None, "updated": None}}
            tx.audit.append(
                self._work.event(tx, actor, "maintenance.contents_indexed", project_id=project_id, rows=told)
            )
            return len(rows)

        return self._work.write(actor, run)

    def _purge(self, actor: Actor, project_id: UUID) -> int:
        def run(tx: UnitOfWork) -> int:
            allowed(actor, Action.MAINTAIN)
            removed = tx.content_grams.purge(project_id)
            if removed:
                told: Rows = {"content_grams": {"deleted": removed}}
                event = self._work.event(tx, actor, "maintenance.contents_forgotten", project_id=project_id, rows=told)
                tx.audit.append(event)
            return removed

        return self._work.write(actor, run)
