"""The constraint map against the catalogue: an error can only be recognised by a name that the server knows."""

from __future__ import annotations

import sqlalchemy as sa

from vibecore.domain.schema import Reference, Unique
from vibecore.domain.tables import TABLES
from vibecore.repositories.postgres._errors import constraints

UNIQUES = """
SELECT c.relname, t.relname, array_agg(a.attname ORDER BY k.place)
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
WHERE i.indisunique AND t.relnamespace = current_schema()::regnamespace AND NOT t.relispartition
  AND t.relkind IN ('r', 'p')
GROUP BY 1, 2
"""
REFERENCES = """
SELECT o.conname, t.relname, array_agg(a.attname), f.relname, o.confdeltype, o.condeferrable
FROM pg_constraint o
JOIN pg_class t ON t.oid = o.conrelid
JOIN pg_class f ON f.oid = o.confrelid
JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (o.conkey)
WHERE o.contype = 'f' AND t.relnamespace = current_schema()::regnamespace AND NOT t.relispartition
GROUP BY 1, 2, 4, 5, 6
"""
OTHERS = {"analytics_refreshes", "alembic_version"}
"""Tables whose rows no repository writes."""


def test_every_unique_index_is_in_the_map(server: sa.Connection) -> None:
    """With its table and its columns in order; and there is no other in the map."""
    found = {name: (table, tuple(fields)) for name, table, fields in server.execute(sa.text(UNIQUES))}
    known = {
        name: (table.name, rule.fields) for name, (table, rule) in constraints().items() if isinstance(rule, Unique)
    }
    assert {name: value for name, value in found.items() if value[0] not in OTHERS} == known


def test_every_foreign_key_is_in_the_map(server: sa.Connection) -> None:
    """With table, column and target; each deletes by cascade and none is deferred."""
    rows = list(server.execute(sa.text(REFERENCES)))
    found = {name: (table, *fields, target) for name, table, fields, target, *_ in rows}
    known = {
        name: (table.name, rule.field, rule.target)
        for name, (table, rule) in constraints().items()
        if isinstance(rule, Reference)
    }
    assert found == known
    assert {(row[4], row[5]) for row in rows} == {("c", False)}


def test_names_are_unique_across_tables() -> None:
    """A name alone tells the table: the map has one entry for each declared constraint."""
    rules: list[Unique | Reference] = []
    for table in TABLES:
        rules += [table.primary, *table.uniques, *table.references]
    declared = [rule.name for rule in rules]
    assert sorted(declared) == sorted(constraints())


def test_foreign_keys_fire_in_the_order_of_their_declaration(server: sa.Connection) -> None:
    """PostgreSQL checks them by the names of their triggers: the declared order must be that one."""
    triggers = """
    SELECT o.conname FROM pg_trigger g JOIN pg_constraint o ON o.oid = g.tgconstraint
    WHERE g.tgrelid = CAST(:table AS regclass) AND o.contype = 'f' AND o.conrelid = g.tgrelid AND g.tgtype & 4 > 0
    ORDER BY g.tgname
    """
    for table in TABLES:
        found = list(server.execute(sa.text(triggers), {"table": table.name}).scalars())
        assert found == [reference.name for reference in table.references], table.name
