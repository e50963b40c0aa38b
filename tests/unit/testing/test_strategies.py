from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain import filters
from vibecore.domain.errors import InvalidValue
from vibecore.domain.paging import total_order
from vibecore.domain.rules import Rule
from vibecore.domain.schema import Column, Table
from vibecore.domain.tables import TABLES
from vibecore.testing import strategies, wrong

COLUMNS = [(table, column) for table in TABLES for column in table.columns]
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def kinds() -> list[Column]:
    """One column for each rule and nullability."""
    found: dict[tuple[Rule, bool], Column] = {}
    for _, column in COLUMNS:
        found.setdefault((column.rule, column.nullable), column)
    return list(found.values())


@pytest.mark.parametrize("column", kinds(), ids=lambda column: column.name)
@given(data=st.data())
def test_values_are_valid(column: Column, data: st.DataObject) -> None:
    """What `values` draws, the column stores; what is stored is valid and stays as it is."""
    stored = column.check(data.draw(strategies.values(column)))
    assert column.check(stored) == stored


@pytest.mark.parametrize("column", kinds(), ids=lambda column: column.name)
def test_wrong_values_are_wrong(column: Column) -> None:
    """The column refuses each of them with an error that names it."""
    for value in wrong.wrong_values(column):
        with pytest.raises(InvalidValue) as caught:
            column.check(value)
        assert caught.value.field.startswith(column.name)


@each_table
@given(data=st.data())
def test_records_are_valid(table: Table[Any], data: st.DataObject) -> None:
    """What `records` draws, the table stores."""
    record = data.draw(strategies.records(table))
    assert table.checked(table.checked(record)) == table.checked(record)


@each_table
@given(data=st.data())
def test_filters_are_valid_and_meet_records(table: Table[Any], data: st.DataObject) -> None:
    """What `filters` draws passes the check, and tells something of every record."""
    where = filters.checked(table, data.draw(strategies.filters(table)))
    record = table.checked(data.draw(strategies.records(table)))
    assert where is not None
    assert filters.predicate(table, where)(record) in (True, False, None)


@each_table
@given(data=st.data())
def test_orders_are_valid(table: Table[Any], data: st.DataObject) -> None:
    """What `orders` draws can be completed to a total order."""
    fields = [order.field for order in total_order(table, data.draw(strategies.orders(table)))]
    assert set(table.key) <= set(fields)


def test_fixed_fields_are_fixed() -> None:
    """`records` takes values and strategies for single fields."""
    users = TABLES[0]

    @given(strategies.records(users, name="Ada", email_verified=st.just(True)))
    def check(user: Any) -> None:
        assert (user.name, user.email_verified) == ("Ada", True)

    check()
