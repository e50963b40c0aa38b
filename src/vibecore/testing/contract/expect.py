"""What the tests of the contract share: expectations of errors, and the tables as parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from vibecore.domain.errors import AlreadyExists, InvalidValue, MissingReference, VibecoreError
from vibecore.domain.schema import Reference, Table, Unique
from vibecore.domain.tables import TABLES
from vibecore.testing.rows import SCOPED, WRITABLE

each_table: Final = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
each_writable_table: Final = pytest.mark.parametrize("table", WRITABLE, ids=lambda table: table.name)
each_scoped_table: Final = pytest.mark.parametrize("table", SCOPED, ids=lambda table: table.name)
each_unique: Final = pytest.mark.parametrize(
    ("table", "unique"),
    [(table, unique) for table in WRITABLE for unique in table.uniques],
    ids=lambda value: value.name,
)
each_reference: Final = pytest.mark.parametrize(
    ("table", "reference"),
    [(table, reference) for table in WRITABLE for reference in table.references],
    ids=lambda value: value.name,
)


@contextmanager
def refused(error: VibecoreError) -> Iterator[None]:
    """The block raises an error of the same type, with the same facts."""
    with pytest.raises(type(error)) as caught:
        yield
    assert type(caught.value) is type(error)
    assert caught.value.facts == error.facts


@contextmanager
def invalid(field: str, kind: type[InvalidValue] = InvalidValue) -> Iterator[None]:
    """The block raises InvalidValue for `field`, or for a place within it."""
    with pytest.raises(kind) as caught:
        yield
    found = caught.value.field
    assert found == field or found.startswith((f"{field}.", f"{field}[", f"{field} ")), found


def taken(table: Table[Any], unique: Unique) -> AlreadyExists:
    """The error where a unique value is taken."""
    return AlreadyExists(table.kind, unique.name, unique.fields)


def missing(table: Table[Any], reference: Reference) -> MissingReference:
    """The error where a reference names nothing."""
    return MissingReference(table.kind, reference.name, reference.field)
