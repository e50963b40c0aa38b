"""Random units of work, two at a time: after every commit each index says what the rows say."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.memory import world
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    NotFound,
    SerializationConflict,
    Stale,
    TransactionAborted,
)
from vibecore.domain.files import FileType
from vibecore.domain.filters import field
from vibecore.domain.users import UserRole
from vibecore.repositories.memory.database import Database
from vibecore.repositories.memory.layout import layouts
from vibecore.repositories.memory.state import Root
from vibecore.repositories.memory.unit_of_work import MemoryUnitOfWork

ANSWERS = (AlreadyExists, MissingReference, NotFound, Stale, TransactionAborted)
IDS = [UUID(int=number << 64 | number) for number in range(1, 5)]
ids = st.sampled_from(IDS)
paths = st.sampled_from(["a", "a/b", "a/b/c", "d", "d/b"])
names = st.sampled_from(["x@e.org", "y@e.org", "z@e.org"])
turns = st.sampled_from([0, 1])


class TwoUnits(RuleBasedStateMachine):
    """Two units of work on one database. What a call answers is the other tests' concern."""

    @initialize()
    def begin(self) -> None:
        self.database = Database()
        self.store = world.store(database=self.database)
        users = [world.user(id=id, email=name) for id, name in zip(IDS, ("x@e.org", "y@e.org"), strict=False)]
        projects = [world.project(owner, id=id) for owner, id in zip(users, IDS, strict=False)]
        files = [world.file(of, path, id=id) for of, path, id in zip(projects, ("a", "a/b"), IDS, strict=False)]
        world.committed(self.store, *users, *projects, *files, world.member(projects[0], users[1]))
        self.units = [self.store.begin(), self.store.begin()]

    def run(self, turn: int, call: Callable[[MemoryUnitOfWork], object]) -> None:
        with contextlib.suppress(*ANSWERS):
            call(self.units[turn])

    @rule(turn=turns, id=ids, name=names)
    def insert_user(self, turn: int, id: UUID, name: str) -> None:
        self.run(turn, lambda unit: unit.users.insert(world.user(id=id, email=name)))

    @rule(turn=turns, id=ids, name=names)
    def update_user(self, turn: int, id: UUID, name: str) -> None:
        self.run(turn, lambda unit: unit.users.update(replace(unit.users.get(id), email=name, email_key=name)))

    @rule(turn=turns, id=ids)
    def delete_user(self, turn: int, id: UUID) -> None:
        self.run(turn, lambda unit: unit.users.delete(id))

    @rule(turn=turns, id=ids, owner=ids)
    def insert_project(self, turn: int, id: UUID, owner: UUID) -> None:
        self.run(turn, lambda unit: unit.projects.insert(world.project(world.user(id=owner), id=id)))

    @rule(turn=turns, id=ids, owner=ids)
    def give_project(self, turn: int, id: UUID, owner: UUID) -> None:
        self.run(turn, lambda unit: unit.projects.update(replace(unit.projects.get(id), owner_id=owner)))

    @rule(turn=turns, project=ids, user=ids)
    def upsert_member(self, turn: int, project: UUID, user: UUID) -> None:
        of, who = world.project(world.user(id=user), id=project), world.user(id=user)
        rows = [world.member(of, who), world.member(of, who, role=UserRole.VIEWER)]
        self.run(turn, lambda unit: unit.members.upsert(rows, on="uq_project_members_user"))

    @rule(turn=turns, project=ids, chosen=st.lists(st.tuples(ids, paths, st.none() | ids), min_size=1, max_size=4))
    def insert_files(self, turn: int, project: UUID, chosen: list[tuple[UUID, str, UUID | None]]) -> None:
        of = world.project(world.user(), id=project)
        rows = [world.file(of, path, id=id, parent_id=parent, type=FileType.FOLDER) for id, path, parent in chosen]
        self.run(turn, lambda unit: unit.files.insert_many(rows))

    @rule(turn=turns, project=ids, id=ids, parent=st.none() | ids)
    def update_file(self, turn: int, project: UUID, id: UUID, parent: UUID | None) -> None:
        def update(unit: MemoryUnitOfWork) -> None:
            row = unit.files.get(project, id)
            unit.files.update(replace(row, parent_id=parent, line_count=row.line_count + 1))

        self.run(turn, update)

    @rule(turn=turns, project=ids, prefix=paths)
    def rename_files(self, turn: int, project: UUID, prefix: str) -> None:
        def rename(unit: MemoryUnitOfWork) -> None:
            rows = list(unit.files.stream(project))
            unit.files.update_many([replace(row, path=f"{prefix}/{row.path}"[:12]) for row in rows])

        self.run(turn, rename)

    @rule(turn=turns, project=ids, source=paths, to=paths, parent=st.none() | ids)
    def move_files(self, turn: int, project: UUID, source: str, to: str, parent: UUID | None) -> None:
        self.run(turn, lambda unit: unit.files.move_subtree(project, source, to, parent))

    @rule(turn=turns, project=ids, path=paths)
    def delete_files(self, turn: int, project: UUID, path: str) -> None:
        self.run(turn, lambda unit: unit.files.delete_where(project, field("path").starts_with(path)))

    @rule(turn=turns, project=ids, status=st.sampled_from(DeploymentStatus))
    def insert_deployment(self, turn: int, project: UUID, status: DeploymentStatus) -> None:
        of = world.project(world.user(), id=project)
        self.run(turn, lambda unit: unit.deployments.insert(world.deployment(of, status=status)))

    @rule(turn=turns, project=ids, status=st.sampled_from(DeploymentStatus))
    def update_deployments(self, turn: int, project: UUID, status: DeploymentStatus) -> None:
        def advance(unit: MemoryUnitOfWork) -> None:
            rows = unit.deployments.page(project, limit=2).items
            unit.deployments.update_many([replace(row, status=status) for row in rows])

        self.run(turn, advance)

    @rule(turn=turns, id=ids, name=names)
    def undone(self, turn: int, id: UUID, name: str) -> None:
        def undo(unit: MemoryUnitOfWork) -> None:
            with unit.savepoint():
                unit.users.insert(world.user(id=id, email=name))
                unit.projects.insert(world.project(world.user(id=id), id=id))
                raise NotFound("user")

        self.run(turn, undo)

    @rule(turn=turns)
    def commit(self, turn: int) -> None:
        unit = self.units[turn]
        with contextlib.suppress(SerializationConflict, TransactionAborted):
            unit.commit()
        unit.rollback()
        self.units[turn] = self.store.begin()
        check(self.database.head.root)

    @rule(turn=turns)
    def rollback(self, turn: int) -> None:
        before = self.database.head
        self.units[turn].rollback()
        self.units[turn] = self.store.begin()
        assert self.database.head is before

    @invariant()
    def private_states_are_consistent(self) -> None:
        for unit in getattr(self, "units", ()):
            if unit._transaction.root:
                check(unit._transaction.root)


def check(root: Root) -> None:
    """Each index of each table, rebuilt from the rows, and every reference."""
    for layout in layouts():
        state = root[layout.position]
        rows = dict(state.rows.items())
        assert sorted(map(repr, state.records)) == sorted(map(repr, rows.values()))
        assert all(layout.key(record) == key for key, record in rows.items())
        for place, index in enumerate(layout.uniques):
            held = [(value, key) for key, record in rows.items() if (value := index.key(record)) is not None]
            assert len(dict(held)) == len(held), index.unique.name
            assert dict(state.uniques[place].items()) == dict(held)
        for place, bucket in enumerate(layout.buckets):
            filled: dict[Any, dict[Any, Any]] = {}
            for key, record in rows.items():
                if (value := bucket.key(record)) is not None:
                    filled.setdefault(value, {})[key] = record if bucket.holds_records else key
            found = {value: dict(have.entries.items()) for value, have in state.buckets[place].items()}
            assert found == filled
        for reference in layout.references:
            names = {reference.key(record) for record in rows.values()} - {None}
            assert all(root[reference.target].rows.get(name) is not None for name in names)


TestTwoUnits = TwoUnits.TestCase
TestTwoUnits.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
