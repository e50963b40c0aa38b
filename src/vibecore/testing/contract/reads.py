"""Reading, counting and removing rows: `vibecore.repositories.tables.Roots` and `Children`."""

from __future__ import annotations

from itertools import product
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import NotFound
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.json import JsonObject
from vibecore.domain.pipelines import EXECUTIONS
from vibecore.domain.projects import PROJECTS
from vibecore.domain.schema import Table
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import build, make, prepare
from vibecore.testing.contract.expect import each_scoped_table, each_table, each_writable_table, invalid, refused
from vibecore.testing.rows import WRITABLE, Rows

NO_UUIDS: Final = ("6f1b0f0e-1111-4222-8333-444455556666", 1, None, b"x", "\0")


@each_writable_table
def test_get_and_find_return_the_record(store: Store, table: Table[Any]) -> None:
    """Both return the stored form of the row with the key."""
    with store.begin() as tx:
        stored = make(tx, table)
        make(tx, table)
        assert Rows(tx, table).get(stored) == stored
        assert Rows(tx, table).find(stored) == stored


@each_writable_table
def test_an_unknown_key_is_not_found(store: Store, table: Table[Any]) -> None:
    """get raises NotFound with kind and id, find returns None, and the unit of work goes on."""
    with store.begin() as tx:
        unknown = build(table)
        with refused(NotFound(table.kind, unknown.id)):
            Rows(tx, table).get(unknown)
        assert Rows(tx, table).find(unknown) is None


@each_scoped_table
def test_a_row_of_another_scope_is_not_found(store: Store, table: Table[Any]) -> None:
    """The right id under the wrong project or user is nothing, for every call."""
    with store.begin() as tx:
        stored, stranger = make(tx, table), make(tx, table)
        rows = Rows(tx, table)
        (elsewhere,) = rows.scope(stranger)
        with refused(NotFound(table.kind, stored.id)):
            rows.repository.get(elsewhere, stored.id)
        with refused(NotFound(table.kind, stored.id)):
            rows.repository.delete(elsewhere, stored.id)
        assert rows.repository.find(elsewhere, stored.id) is None
        assert rows.find_many(stranger, [stored.id]) == {}
        assert rows.delete_where(stranger, field("id").eq(stored.id)) == 0
        assert rows.all(stranger) == (stranger,)
        assert list(rows.stream(stranger)) == [stranger]
        assert rows.count(stranger) == 1
        assert rows.get(stored) == stored


@each_writable_table
def test_find_many_returns_those_that_exist_by_id(store: Store, table: Table[Any]) -> None:
    """Unknown ids are left out, ids given twice count once, the others stay in order, and any iterable will do."""
    with store.begin() as tx:
        one = make(tx, table)
        scope = {} if table.scope is None else {table.scope: getattr(one, table.scope)}
        two = make(tx, table, **scope)
        make(tx, table, **scope)
        ids = [two.id, uuid4(), one.id, two.id]
        assert Rows(tx, table).find_many(one, ids) == {one.id: one, two.id: two}
        assert Rows(tx, table).find_many(one, (id for id in ids)) == {one.id: one, two.id: two}
        for order in ([one.id, two.id], [two.id, one.id]):
            assert list(Rows(tx, table).find_many(one, order)) == order


def test_find_many_takes_any_number_of_ids(store: Store) -> None:
    """None and 100,000, more than a statement has parameters."""
    with store.begin() as tx:
        user = make(tx, USERS)
        assert tx.users.find_many([]) == {}
        ids = [UUID(int=number) for number in range(100_000)]
        assert tx.users.find_many([*ids, user.id]) == {user.id: user}


@each_writable_table
def test_keys_that_are_no_uuid_are_refused(store: Store, table: Table[Any]) -> None:
    """InvalidValue names the part of the key; nothing is converted, and the unit of work goes on."""
    with store.begin() as tx:
        rows = Rows(tx, table)
        calls = (rows.repository.get, rows.repository.find, rows.repository.delete)
        for value, (place, name), call in product(NO_UUIDS, enumerate(table.locator), calls):
            key: list[Any] = [uuid4()] * len(table.locator)
            key[place] = value
            with invalid(name):
                call(*key)
        for value in NO_UUIDS:
            with invalid("id"):
                rows.repository.find_many(*rows.scope(build(table)), [uuid4(), value])
        for nothing in (None, 1):
            with invalid("id"):
                rows.repository.find_many(*rows.scope(build(table)), nothing)
        assert rows.count(build(table)) == 0


@each_scoped_table
def test_scopes_that_are_no_uuid_are_refused(store: Store, table: Table[Any]) -> None:
    """A listing without a scope would be a listing of everything: InvalidValue names the scope."""
    with store.begin() as tx:
        repository = Rows(tx, table).repository
        anything = field("id").ne(uuid4())
        for value in NO_UUIDS:
            for call in (repository.page, repository.count, repository.stream):
                with invalid(str(table.scope)):
                    call(value)
            with invalid(str(table.scope)):
                repository.find_many(value, [])
            with invalid(str(table.scope)):
                repository.delete_where(value, anything)
        assert tx.users.count() == 0


@each_table
def test_what_is_returned_aliases_nothing(store: Store, table: Table[Any]) -> None:
    """Changing the objects that a record was built from changes neither what was returned nor what is stored."""
    inner: list[Any] = ["before"]
    documents = {
        column.name: {"at": inner} if isinstance(column.default, JsonObject) else [inner]
        for column in table.columns
        if type(column.rule).__name__ == "Json"
    }
    lines = ["before"]
    arrays = {column.name: lines for column in table.columns if type(column.rule).__name__ == "TextArray"}
    with store.begin() as tx:
        stored = make(tx, table, **documents, **arrays)
        inner.append("after")
        lines.append("after")
        for name in documents:
            assert getattr(stored, name) in ({"at": ["before"]}, [["before"]])
            with pytest.raises(TypeError):
                getattr(stored, name).clear()
        for name in arrays:
            assert getattr(stored, name) == ("before",)
        assert Rows(tx, table).find(stored) == stored


@each_table
def test_count_is_the_number_of_rows(store: Store, table: Table[Any]) -> None:
    """All rows of the table or scope; with a filter those for which it is true."""
    with store.begin() as tx:
        first = prepare(tx, table)
        rows = Rows(tx, table)
        before = rows.count(first)
        scope = {} if table.scope is None else {table.scope: getattr(first, table.scope)}
        records = [rows.insert(first), *(make(tx, table, **scope) for _ in range(2))]
        assert rows.count(first) == before + 3 + _made_beside(table) * 2
        assert rows.count(first, where=field("id").among([records[0].id, records[2].id, uuid4()])) == 2
        assert rows.count(first, where=field("id").ne(first.id) & field("id").eq(first.id)) == 0


def _made_beside(table: Table[Any]) -> int:
    """How many rows of the same table a builder makes as parents."""
    return 0 if table.scope is not None else sum(reference.target == table.name for reference in table.references)


@each_writable_table
def test_delete_removes_the_row(store: Store, table: Table[Any]) -> None:
    """It is gone at once and for good; deleting it again is NotFound; other rows stay."""
    with store.begin() as tx:
        stored, other = make(tx, table), make(tx, table)
        rows = Rows(tx, table)
        assert rows.delete(stored) is None  # type: ignore[func-returns-value]  # None is what the contract says
        assert rows.find(stored) is None
        with refused(NotFound(table.kind, stored.id)):
            rows.delete(stored)
        assert rows.get(other) == other
        tx.commit()
    with store.begin() as tx:
        assert Rows(tx, table).find(stored) is None


def test_delete_removes_all_that_refers_to_the_row(store: Store) -> None:
    """By cascade and transitively: with a user everything goes that is the user's, or in a project of the user."""
    with store.begin() as tx:
        owner, survivor = make(tx, USERS), make(tx, USERS)
        project, other = make(tx, PROJECTS, owner_id=owner.id), make(tx, PROJECTS, owner_id=survivor.id)
        scopes = {"user_id": owner.id, "project_id": project.id}
        owned = [table for table in WRITABLE if table.references and table is not PROJECTS]
        below = [(table, make(tx, table, **_only(table, scopes))) for table in owned]
        kept = {"user_id": survivor.id, "project_id": other.id}
        beside = [(table, make(tx, table, **_only(table, kept))) for table in owned]
        tx.users.delete(owner.id)
        assert [table.name for table, row in below if Rows(tx, table).find(row) is not None] == []
        assert [table.name for table, row in beside if Rows(tx, table).find(row) is None] == []
        assert tx.projects.find(project.id) is None
        assert tx.projects.get(other.id) == other


def _only(table: Table[Any], values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in table.by_name}


def test_delete_of_a_folder_takes_its_tree(store: Store) -> None:
    """References within a table cascade to any depth."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        parent: UUID | None = None
        chain = []
        for _ in range(50):
            chain.append(make(tx, FILES, project_id=project.id, parent_id=parent))
            parent = chain[-1].id
        beside = make(tx, FILES, project_id=project.id)
        tx.files.delete(project.id, chain[1].id)
        assert set(tx.files.find_many(project.id, [file.id for file in chain])) == {chain[0].id}
        assert tx.files.get(project.id, beside.id) == beside


def test_the_audit_trail_outlives_what_it_tells_of(store: Store) -> None:
    """Audit events refer to users and projects by id only: deleting those leaves them."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        event = make(tx, AUDIT_LOGS, user_id=project.owner_id, project_id=project.id)
        tx.users.delete(project.owner_id)
        assert tx.audit.page().items == (event,)


@each_scoped_table
def test_delete_where_removes_what_matches_and_counts_it(store: Store, table: Table[Any]) -> None:
    """In its scope only; the number is that of matching rows."""
    with store.begin() as tx:
        first = make(tx, table)
        scope = {str(table.scope): getattr(first, str(table.scope))}
        more = [make(tx, table, **scope) for _ in range(3)]
        rows = Rows(tx, table)
        assert rows.delete_where(first, field("id").among([more[0].id, more[1].id, uuid4()])) == 2
        assert set(rows.find_many(first, [row.id for row in (first, *more)])) == {first.id, more[2].id}
        assert rows.delete_where(first, field("id").missing()) == 0


def test_delete_where_takes_what_refers_to_the_rows(store: Store) -> None:
    """By cascade, but only rows that match are counted."""
    with store.begin() as tx:
        execution = make(tx, EXECUTIONS)
        project = execution.project_id
        assert tx.pipelines.delete_where(project, field("id").eq(execution.pipeline_id)) == 1
        assert tx.executions.count(project) == 0
        folder = make(tx, FILES, project_id=project)
        make(tx, FILES, project_id=project, parent_id=folder.id)
        assert tx.files.delete_where(project, field("id").eq(folder.id)) == 1
        assert tx.files.count(project) == 0


def test_delete_where_counts_rows_that_cascade_and_match(store: Store) -> None:
    """A child that matches beside its parent is one of the rows that matched."""
    with store.begin() as tx:
        folder = make(tx, FILES)
        make(tx, FILES, project_id=folder.project_id, parent_id=folder.id)
        assert tx.files.delete_where(folder.project_id, field("id").ne(uuid4())) == 2
        assert tx.files.count(folder.project_id) == 0


def test_delete_where_needs_a_filter(store: Store) -> None:
    """None never means everything: InvalidValue, and all rows stay."""
    with store.begin() as tx:
        file = make(tx, FILES)
        with invalid("where"):
            tx.files.delete_where(file.project_id, None)  # type: ignore[arg-type]  # what callers without a checker do
        assert tx.files.count(file.project_id) == 1
