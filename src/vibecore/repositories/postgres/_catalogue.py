"""What a live database holds, read from PostgreSQL's catalogues as named facts in PostgreSQL's own words.

The session must have the schema first on its search path (so that names come unqualified) and UTC as time zone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa

Fact = tuple[str, str]
"""Kind and object, for example ("type", "users.email")."""
Facts = dict[Fact, str]

_TABLES: Final = """
SELECT c.relname, c.relkind::text, c.relpersistence::text, c.relrowsecurity, c.relispopulated,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL)
FROM pg_class c
WHERE c.relnamespace = to_regnamespace(%(home)s) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
"""

_PARTITIONS: Final = """
SELECT p.relname, c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
WHERE p.relnamespace = to_regnamespace(%(home)s) AND p.relkind = 'p'
"""

_COLUMNS: Final = """
SELECT c.relname, a.attname, format_type(a.atttypid, NULL), format_type(a.atttypid, a.atttypmod), l.collname,
    a.attnotnull, pg_get_expr(d.adbin, d.adrelid, true), a.attidentity::text, a.attgenerated::text
FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE c.relnamespace = to_regnamespace(%(home)s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND a.attnum > 0 AND NOT a.attisdropped
"""

_CONSTRAINTS: Final = """
SELECT c.relname, n.conname, n.contype::text, pg_get_constraintdef(n.oid, true),
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = n.oid AND t.tgenabled = 'D')
FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid
WHERE c.relnamespace = to_regnamespace(%(home)s) AND NOT c.relispartition AND n.contype IN ('p', 'u', 'f', 'c', 'x')
"""

_INDEXES: Final = """
SELECT c.relname, x.relname, i.indisunique, i.indisvalid, pg_get_indexdef(i.indexrelid, 0, true),
    pg_get_expr(i.indpred, i.indrelid, true)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace(%(home)s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    AND NOT EXISTS (SELECT FROM pg_constraint n WHERE n.conindid = i.indexrelid AND n.contype IN ('p', 'u', 'x'))
"""

_CHECK_ORDER: Final = """
SELECT c.relname, 'unique rules', string_agg(x.relname, ', ' ORDER BY x.oid)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
WHERE c.relnamespace = to_regnamespace(%(home)s) AND NOT c.relispartition AND c.relkind IN ('r', 'p') AND i.indisunique
GROUP BY c.relname
UNION
SELECT c.relname, 'foreign keys', string_agg(n.conname, ', ' ORDER BY t.tgname COLLATE "C")
FROM pg_constraint n
    JOIN pg_class c ON c.oid = n.conrelid
    JOIN pg_trigger t ON t.tgconstraint = n.oid AND t.tgrelid = n.conrelid
WHERE c.relnamespace = to_regnamespace(%(home)s) AND NOT c.relispartition AND n.contype = 'f'
    AND t.tgname LIKE 'RI@_ConstraintTrigger@_c@_%%' ESCAPE '@'
GROUP BY c.relname, t.tgtype
"""

_ENUMS: Final = """
SELECT t.typname, string_agg(e.enumlabel, ', ' ORDER BY e.enumsortorder)
FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
WHERE t.typnamespace = to_regnamespace(%(home)s)
GROUP BY t.typname
"""

_TRIGGERS: Final = """
SELECT c.relname, t.tgname, pg_get_triggerdef(t.oid, true), t.tgenabled::text
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = to_regnamespace(%(home)s) AND NOT c.relispartition AND NOT t.tgisinternal
"""

_FUNCTIONS: Final = """
SELECT p.oid::regprocedure::text, p.prorettype::regtype::text, p.prosecdef, p.proconfig, md5(p.prosrc),
    obj_description(p.oid, 'pg_proc')
FROM pg_proc p
WHERE p.pronamespace = to_regnamespace(%(home)s)
    AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    )
"""

_KINDS: Final = {
    "p": "primary key",
    "u": "unique",
    "f": "foreign key",
    "c": "check",
    "x": "exclusion",
}
_RELATIONS: Final = {"v": "view", "m": "materialized view", "f": "foreign table"}
_MONTH: Final = re.compile(r"FOR VALUES FROM \('(\d+)-(\d\d)-01 00:00:00\+00'\) TO \('(\d+)-(\d\d)-01 00:00:00\+00'\)")
MONTHLY: Final = "one month in UTC"
"""How a partition that holds exactly one month is described."""


def read(connection: sa.Connection, quoted: str) -> Facts:
    """All facts about the schema whose quoted name is `quoted`; empty if it does not exist."""
    facts: Facts = {}
    readers = (_relations, _partitions, _columns, _constraints, _indexes, _order, _enums, _triggers, _functions)
    for reader in readers:
        facts.update(reader(connection, {"home": quoted}))
    return facts


def _rows(connection: sa.Connection, query: str, home: dict[str, str]) -> Iterator[Any]:
    return iter(connection.exec_driver_sql(query, home).all())


def _relations(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for name, kind, persistence, secured, populated, partitioned, unique in _rows(connection, _TABLES, home):
        if kind in _RELATIONS:
            yield (_RELATIONS[kind], name), "present"
            if kind == "m":
                yield ("refresh index", name), "present" if unique else "missing"
                yield ("populated", name), "yes" if populated else "no"
            continue
        yield ("table", name), "unlogged" if persistence == "u" else "permanent"
        yield ("row security", name), "on" if secured else "off"
        yield ("partitioning", name), partitioned or "none"


def _partitions(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for table, name, bound in _rows(connection, _PARTITIONS, home):
        month = _MONTH.fullmatch(bound)
        if month:
            from_year, from_month, to_year, to_month = map(int, month.groups())
            if to_year * 12 + to_month - from_year * 12 - from_month == 1:
                bound = MONTHLY
        yield ("partition", f"{table}.{name}"), bound


def _columns(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for table, column, base, full, collation, filled, default, identity, made in _rows(connection, _COLUMNS, home):
        name = f"{table}.{column}"
        yield ("column", name), full
        yield ("type", name), base
        length = re.search(r"\((.+)\)", full)
        if length:
            yield ("length", name), length[1]
        if collation is not None:
            yield ("collation", name), collation
        yield ("nullability", name), "NOT NULL" if filled else "NULL"
        if identity:
            yield ("default", name), "generated as identity"
        elif default is not None:
            yield ("default", name), f"generated from {default}" if made else default


def _constraints(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for table, name, kind, definition, disabled in _rows(connection, _CONSTRAINTS, home):
        yield (_KINDS[kind], f"{table}.{name}"), definition + (" (disabled)" if disabled else "")


def _indexes(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for table, name, unique, valid, definition, predicate in _rows(connection, _INDEXES, home):
        shape = definition.partition(" USING ")[2]
        if predicate is not None:
            shape = shape.removesuffix(f" WHERE {predicate}")
            yield ("predicate", f"{table}.{name}"), predicate
        kind = "unique index" if unique else "index"
        yield (kind, f"{table}.{name}"), shape + ("" if valid else " (invalid)")


def _order(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    orders: dict[Fact, set[str]] = {}
    for table, what, names in _rows(connection, _CHECK_ORDER, home):
        orders.setdefault((f"order of {what}", table), set()).add(names)
    for fact, found in orders.items():
        # Inserts and updates have triggers of their own: where these differ, both orders are shown.
        yield fact, " / ".join(sorted(found))


def _enums(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for name, labels in _rows(connection, _ENUMS, home):
        yield ("enum", name), labels


def _triggers(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for table, name, definition, enabled in _rows(connection, _TRIGGERS, home):
        state = {"D": " (disabled)", "R": " (on replicas)"}.get(enabled, "")
        yield ("trigger", f"{table}.{name}"), definition + state


def _functions(connection: sa.Connection, home: dict[str, str]) -> Iterator[tuple[Fact, str]]:
    for name, result, definer, settings, digest, comment in _rows(connection, _FUNCTIONS, home):
        yield ("function", name), f"returns {result}" + (", security definer" if definer else "")
        yield ("settings", name), ", ".join(settings or ()) or "none"
        stamp = re.search(r"\bbody ([0-9a-f]{32})\b", comment or "")
        yield ("body", name), "as migrated" if stamp and stamp[1] == digest else "replaced"
