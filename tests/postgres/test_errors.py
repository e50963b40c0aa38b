"""The translation of PostgreSQL's errors: by SQLSTATE and constraint name, whatever the text says."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from vibecore.domain.errors import (
    AlreadyExists,
    MissingReference,
    NotMigrated,
    ReadOnlyTransaction,
    SerializationConflict,
    StoreRejected,
    StoreUnavailable,
    TransactionAborted,
    VibecoreError,
)
from vibecore.domain.users import USERS
from vibecore.repositories.postgres._errors import translate
from vibecore.repositories.postgres.store import PostgresStore
from vibecore.repositories.unit_of_work import Mode
from vibecore.testing.builders import build, make

EMAIL = AlreadyExists("user", "uq_users_email_key", ("email_key",))
PARENT = MissingReference("file", "fk_files_parent", "parent_id")
CASES: list[tuple[str, str, VibecoreError]] = [
    ("23505", "uq_users_email_key", EMAIL),
    ("23505", "pk_files", AlreadyExists("file", "pk_files", ("id",))),
    ("23505", "audit_logs_y2024m05_pkey", StoreRejected("23505")),
    ("23505", "somebody_elses", StoreRejected("23505")),
    ("23505", "", StoreRejected("23505")),
    ("23503", "fk_files_parent", PARENT),
    ("23001", "fk_files_parent", PARENT),
    ("23503", "somebody_elses", StoreRejected("23503")),
    ("23514", "ck_files_type", StoreRejected("23514")),
    ("40001", "", SerializationConflict()),
    ("40P01", "", SerializationConflict()),
    ("25P02", "", TransactionAborted()),
    ("25006", "", ReadOnlyTransaction()),
    ("42P01", "", NotMigrated(None, "head")),
    ("42703", "", NotMigrated(None, "head")),
    ("42883", "", NotMigrated(None, "head")),
    ("57P01", "", StoreUnavailable("x")),
    ("57P03", "", StoreUnavailable("x")),
    ("57014", "", StoreRejected("57014")),
    ("08006", "", StoreUnavailable("x")),
    ("53100", "", StoreRejected("53100")),
    ("54000", "", StoreRejected("54000")),
    ("42501", "", StoreRejected("42501")),
    ("22021", "", StoreRejected("22021")),
]
TEXTS = [
    "x",
    'duplicate key value violates unique constraint "pk_users"',
    "doppelter Schlüsselwert",
    "secret@example.org",
]


def raised(server: sa.Connection, sqlstate: str, constraint: str, text: str) -> psycopg.Error:
    """A real error with these fields, as the driver raises it."""
    command = (
        "DO $do$ BEGIN RAISE EXCEPTION USING MESSAGE = "
        f"$text${text}$text$, ERRCODE = '{sqlstate}', CONSTRAINT = '{constraint}'; END $do$"
    )
    with pytest.raises(sa.exc.DBAPIError) as caught:
        server.exec_driver_sql(command)
    assert isinstance(caught.value.orig, psycopg.Error)
    return caught.value.orig


@pytest.mark.parametrize(("sqlstate", "constraint", "expected"), CASES)
def test_errors_are_known_by_their_fields(
    server: sa.Connection, sqlstate: str, constraint: str, expected: VibecoreError
) -> None:
    """The same error for the same fields with any message; the message never shows."""
    for text in TEXTS:
        error = translate(raised(server, sqlstate, constraint, text))
        assert type(error) is type(expected)
        assert error.facts == expected.facts
        assert "secret" not in str(error)


def test_a_broken_connection_is_unavailable(server: sa.Connection) -> None:
    """Whatever its last error was, and an error without a code too."""
    assert type(translate(raised(server, "XX000", "", "x"), broken=True)) is StoreUnavailable
    assert type(translate(psycopg.OperationalError("gone"))) is StoreUnavailable


def test_a_failing_row_is_not_quoted(store: PostgresStore) -> None:
    """PostgreSQL's details hold the values of the row; ours hold kind, constraint and fields, and no cause."""
    with store.begin() as tx:
        user = make(tx, USERS, email="secret@example.org", password_hash="secret")  # a hash in a test
        with pytest.raises(AlreadyExists) as caught:
            tx.users.insert(build(USERS, email="secret@example.org"))
    error: BaseException | None = caught.value
    assert str(caught.value) == "user with the same email exists"
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert user.email not in str(caught.value.facts)


def test_what_the_server_forbids_is_rejected(store: PostgresStore, server: sa.Connection) -> None:
    """A rule that an administrator added is StoreRejected with its code; the unit of work accepts only rollback."""
    server.exec_driver_sql("ALTER TABLE users ADD CONSTRAINT house_rule CHECK (name <> 'forbidden')")
    try:
        with store.begin() as tx:
            with pytest.raises(StoreRejected) as caught:
                make(tx, USERS, name="forbidden")
            assert caught.value.sqlstate == "23514"
            with pytest.raises(TransactionAborted):
                tx.commit()
    finally:
        server.exec_driver_sql("ALTER TABLE users DROP CONSTRAINT house_rule")


@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.value)
def test_a_missing_table_says_migrate(store: PostgresStore, server: sa.Connection, mode: Mode) -> None:
    """A database that lacks what this version needs is NotMigrated, in every mode."""
    server.exec_driver_sql("ALTER TABLE users RENAME TO users_elsewhere")
    try:
        with store.begin(mode) as tx, pytest.raises(NotMigrated):
            tx.users.count()
    finally:
        server.exec_driver_sql("ALTER TABLE users_elsewhere RENAME TO users")


def test_the_server_refuses_what_gets_past_the_mode(store: PostgresStore) -> None:
    """A reading unit of work is read-only on the server too."""
    for mode in (Mode.SNAPSHOT, Mode.READ):
        with store.begin(mode) as tx:
            run: Any = tx._tx.run
            if mode is Mode.SNAPSHOT:
                with pytest.raises(ReadOnlyTransaction):
                    run("DELETE FROM users", (), lambda result: None)
