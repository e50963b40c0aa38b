"""Any valid value comes back, and no wrong one gets in: every field of every table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import FILES
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.schema import Table
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing import strategies
from vibecore.testing.builders import build, changed, make, prepare
from vibecore.testing.contract.expect import each_table, each_writable_table, refused
from vibecore.testing.rows import WRITABLE, Rows
from vibecore.testing.wrong import wrong_values


def read_back(tx: UnitOfWork, table: Table[Any], record: Any) -> Any:
    """What is stored, after making sure that it is what the insert said, in value, type and digits."""
    stored = Rows(tx, table).insert(record)
    found = Rows(tx, table).find(record)
    assert found == stored
    assert list(map(repr, table.values(found))) == list(map(repr, table.values(stored)))
    assert list(map(type, table.values(found))) == list(map(type, table.values(stored)))
    return found


def drawn(tx: UnitOfWork, table: Table[Any], data: st.DataObject, **fixed: Any) -> Any:
    """A random valid record that meets no other; the rows it refers to are stored."""
    base = prepare(tx, table, **{name: value for name, value in fixed.items() if name == table.scope})
    kept = {"id", *(reference.field for reference in table.references)}
    kept.update(name for rule in table.uniques for name in rule.fields)
    given = {name: getattr(base, name) for name in kept}
    return data.draw(strategies.records(table, **{**given, **fixed}))


@each_table
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_valid_record_comes_back_in_its_stored_form(store: Store, table: Table[Any], data: st.DataObject) -> None:
    """Whatever the values: what insert returns is what the checker makes of them, and what is read."""
    with store.begin() as tx:
        record = drawn(tx, table, data)
        assert read_back(tx, table, record) == table.checked(record)


@each_writable_table
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_valid_records_pass_through_bulk_calls(store: Store, table: Table[Any], data: st.DataObject) -> None:
    """Bulk insert and bulk update store the same forms as single calls."""
    with store.begin() as tx:
        rows = Rows(tx, table)
        first = drawn(tx, table, data, updated_at=tx.now)
        scope = {} if table.scope is None else {table.scope: getattr(first, table.scope)}
        records = [first, drawn(tx, table, data, updated_at=tx.now, **scope)]
        rows.insert_many(records)
        assert [rows.get(record) for record in records] == [table.checked(record) for record in records]
        new = [drawn(tx, table, data, updated_at=tx.now, id=record.id, **scope) for record in records]
        updated = rows.update_many(new)
        assert [rows.get(record) for record in records] == list(updated)
        kept = {"created_at": None, "updated_at": None}
        for before, asked, found in zip(records, new, updated, strict=True):
            times = {**kept, "created_at": before.created_at, "updated_at": found.updated_at}
            assert found == table.checked(changed(asked, **times))


@pytest.mark.parametrize("table", WRITABLE, ids=lambda table: table.name)
def test_every_field_refuses_wrong_values(store: Store, table: Table[Any]) -> None:
    """By every call that writes, with the error of the field's rule; nothing is written, and the unit goes on."""
    with store.begin() as tx:
        stored = make(tx, table)
        rows = Rows(tx, table)
        scope = {} if table.scope is None else {table.scope: getattr(stored, table.scope)}
        fine = prepare(tx, table, **scope)
        before = rows.all(stored)
        for column in table.columns:
            for value in wrong_values(column):
                record = changed(fine, **{column.name: value})
                error = _error_of(table, record)
                with refused(error):
                    rows.insert(record)
                with refused(error):
                    rows.insert_many([fine, record])
                with refused(error):
                    rows.upsert([fine, record])
                broken = changed(stored, **{column.name: value})
                with refused(error):
                    rows.update(broken)
                with refused(error):
                    rows.update_many([broken])
        assert rows.all(stored) == before
        tx.commit()
    with store.begin() as tx:
        assert Rows(tx, table).all(stored) == before


def _error_of(table: Table[Any], record: Any) -> InvalidValue:
    with pytest.raises(InvalidValue) as caught:
        table.checked(record)
    return caught.value


def test_every_field_of_an_event_refuses_wrong_values(store: Store) -> None:
    """The audit trail takes no value that a table would refuse."""
    with store.begin() as tx:
        for column in AUDIT_LOGS.columns:
            for value in wrong_values(column):
                record = changed(build(AUDIT_LOGS), **{column.name: value})
                with refused(_error_of(AUDIT_LOGS, record)):
                    tx.audit.append(record)
        assert tx.audit.count() == 0


def test_defaults_are_stored_as_declared(store: Store) -> None:
    """Fields that are left out hold the record's defaults, whatever a database would put there."""
    with store.begin() as tx:
        tables: tuple[Table[Any], ...] = (NOTIFICATIONS, TEST_RESULTS, FILES, USERS)
        for table in tables:
            record: Any = prepare(tx, table)
            found = read_back(tx, table, record)
            assert table.values(found) == table.values(record)
