"""The SQL interpreter of the filter syntax tree. Identifiers come from the declared tables, values are always bound."""

from __future__ import annotations

from typing import Any, assert_never

from vibecore.domain.filters import (
    Among,
    And,
    Compare,
    Filter,
    Includes,
    Missing,
    Not,
    Occurs,
    Or,
    Place,
)
from vibecore.domain.json import dumps
from vibecore.domain.rules import Json
from vibecore.domain.schema import Column, Table
from vibecore.repositories.postgres._codec import encoder, sql_type


class Params(list[Any]):
    """Positional parameters in the order in which their placeholders appear."""

    def bind(self, value: Any, kind: str) -> str:
        self.append(value)
        return f"%s::{kind}"


def condition(table: Table[Any], where: Filter, prefix: str, params: Params) -> str:
    """A boolean SQL expression for a filter that `filters.checked` returned; its values are added to `params`."""
    match where:
        case Compare():
            column = table.by_name[where.field]
            value = _encoded(column, where.value)
            return f"{where.field} {where.comparison.value} {params.bind(value, sql_type(column.rule, prefix))}"
        case Among():
            column = table.by_name[where.field]
            values = [_encoded(column, value) for value in where.values]
            return _among(column, values, prefix, params)
        case Missing():
            return f"{where.field} IS NULL"
        case Occurs():
            return _occurs(where, params)
        case Includes():
            return f"{where.field} @> {params.bind(dumps(where.part), 'jsonb')}"
        case And():
            return _joined(table, where.parts, " AND ", "TRUE", prefix, params)
        case Or():
            return _joined(table, where.parts, " OR ", "FALSE", prefix, params)
        case Not():
            return f"NOT ({condition(table, where.part, prefix, params)})"
    assert_never(where)


def _joined(table: Table[Any], parts: tuple[Filter, ...], word: str, empty: str, prefix: str, params: Params) -> str:
    if not parts:
        return empty
    return "(" + word.join(condition(table, part, prefix, params) for part in parts) + ")"


def _encoded(column: Column, value: Any) -> Any:
    step = encoder(column.rule)
    return value if step is None else step(value)


def _among(column: Column, values: list[Any], prefix: str, params: Params) -> str:
    if not values:
        return "FALSE"
    if isinstance(column.rule, Json):
        return f"{column.name} = ANY ({params.bind(values, 'text[]')}::jsonb[])"
    return f"{column.name} = ANY ({params.bind(values, sql_type(column.rule, prefix) + '[]')})"


def _occurs(node: Occurs, params: Params) -> str:
    """Functions rather than LIKE: no character of the text is a pattern."""
    match node.place:
        case Place.ANYWHERE:
            return f"strpos({node.field}, {params.bind(node.text, 'text')}) > 0"
        case Place.START:
            return f"starts_with({node.field}, {params.bind(node.text, 'text')})"
        case Place.END:
            size = params.bind(len(node.text), "integer")
            return f"right({node.field}, {size}) = {params.bind(node.text, 'text')}"
    assert_never(node.place)
