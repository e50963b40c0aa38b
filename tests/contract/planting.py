"""An owner with a project on a backend, and trees on the disk to bring in and out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.repositories.unit_of_work import Store
from vibecore.services.exports import ExportReport
from vibecore.services.imports import ImportReport
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD = "engine no. 9"


class Garden:
    """A project and its owner."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.effects = fixed_effects(clock=clock)
        self.vibe = Vibe(store, self.effects)
        self.owner = self.user("ada")
        self.id = self.new_project()

    def user(self, name: str) -> Actor:
        email = f"{name}-{self.effects.ids()}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
        login = self.vibe.auth.login(email=email, password=PASSWORD)
        return login.actor

    def new_project(self) -> UUID:
        return self.vibe.projects.create(self.owner, name="engine").id

    def load(self, source: Any, **options: Any) -> ImportReport:
        return self.vibe.files.import_tree(self.owner, self.id, source, **options)

    def save(self, target: Any, **options: Any) -> ExportReport:
        return self.vibe.files.export_tree(self.owner, self.id, target, **options)

    def write(self, path: str, content: str | bytes) -> None:
        self.vibe.files.write(self.owner, self.id, path, content)

    def paths(self) -> list[str]:
        return [stamp.path for stamp in self.vibe.files.tree(self.owner, self.id)]

    def content(self, path: str) -> str | None:
        return self.vibe.files.read(self.owner, self.id, path).content

    def counters_are_exact(self) -> bool:
        with self.store.begin() as tx:
            totals, project = tx.files.totals(self.id), tx.projects.get(self.id)
        return (totals.file_count, totals.total_lines) == (project.file_count, project.total_lines)


def lay(root: Path, files: Mapping[str, bytes | None]) -> Path:
    """Makes files, and folders where the content is None."""
    root.mkdir(parents=True, exist_ok=True)
    for path, data in files.items():
        place = root / path
        if data is None:
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return root


def tree_at(root: Path) -> dict[str, bytes | None]:
    """Every file below `root` with its bytes; None for a folder, the link's own text for a link."""
    found: dict[str, bytes | None] = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            place = Path(folder, name)
            path = str(place.relative_to(root))
            if place.is_symlink():
                found[path] = b"-> " + os.fsencode(place.readlink())
            else:
                found[path] = None if place.is_dir() else place.read_bytes()
    return found
