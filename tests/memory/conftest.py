from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.memory import world
from vibecore.domain.projects import Project
from vibecore.domain.users import User
from vibecore.repositories.memory import MemoryStore


@dataclass(frozen=True)
class Seeded:
    """A store with one user, who owns one project."""

    store: MemoryStore
    clock: world.Clock
    ada: User
    engine: Project


@pytest.fixture
def seeded() -> Seeded:
    clock = world.Clock()
    store = world.store(clock)
    ada = world.user(email="ada@example.org")
    engine = world.project(ada)
    world.committed(store, ada, engine)
    return Seeded(store, clock, ada, engine)
