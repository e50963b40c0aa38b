"""The functions and triggers, called as from psql: with plain literals, from any session."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

USER = UUID(int=1)
PROJECT = UUID(int=2)
Session = psycopg.Connection[Any]


def one(session: Session, statement: str, *values: Any) -> Any:
    """The single value of a statement's single row."""
    row = session.execute(statement.encode(), values or None).fetchone()
    assert row is not None
    return row[0]


def refused(session: Session, statement: str) -> str | None:
    """The SQLSTATE with which a statement fails; None if it does not."""
    try:
        with session.transaction():
            session.execute(statement.encode())
    except psycopg.Error as error:
        return error.sqlstate
    return None


def make_project(session: Session) -> None:
    session.execute(
        "INSERT INTO users (id, email, email_key, password_hash, name) VALUES (%s, 'a@b', 'a@b', 'x', 'Ada')", (USER,)
    )
    session.execute("INSERT INTO projects (id, name, owner_id) VALUES (%s, 'engine', %s)", (PROJECT, USER))


def test_server_defaults_serve_other_clients(session: Session) -> None:
    """A row can be written with what the documentation calls required, and gets the documented rest."""
    make_project(session)
    row = session.execute(
        "SELECT id, role, subscription_tier, email_verified, created_at = now() FROM users"
    ).fetchone()
    assert row == (USER, "developer", "free", False, True)
    session.execute("INSERT INTO files (project_id, name, path, type) VALUES (%s, 'a', 'a', 'file')", (PROJECT,))
    row = session.execute("SELECT id, size_bytes, metadata, updated_at = now() FROM files").fetchone()
    assert row is not None
    assert row[0].version == 4
    assert row[1:] == (0, {}, True)


@pytest.mark.parametrize("table", ["users", "projects", "files", "deployments", "api_keys"])
def test_updated_at_grows_where_a_statement_leaves_it_alone(session: Session, table: str) -> None:
    """The trigger sets transaction time, always later than before; a statement that sets the column has its way."""
    make_project(session)
    session.execute("INSERT INTO files (project_id, name, path, type) VALUES (%s, 'a', 'a', 'file')", (PROJECT,))
    session.execute("INSERT INTO deployments (project_id, environment) VALUES (%s, 'test')", (PROJECT,))
    session.execute("INSERT INTO api_keys (user_id, name, key_hash, key_prefix) VALUES (%s, 'k', 'h', 'p')", (USER,))
    touch = f"UPDATE {table} SET created_at = created_at RETURNING updated_at - now()"
    past = f"UPDATE {table} SET updated_at = now() - interval '1 day' RETURNING updated_at - now()"
    future = f"UPDATE {table} SET updated_at = now() + interval '1 day' RETURNING updated_at - now()"
    step = timedelta(microseconds=1)
    assert one(session, touch) == step
    assert one(session, touch) == 2 * step
    assert one(session, past) == timedelta(days=-1)
    assert one(session, touch) == timedelta(0)
    assert one(session, future) == timedelta(days=1)
    assert one(session, touch) == timedelta(days=1) + step


def test_log_audit_event_as_the_documentation_calls_it(session: Session) -> None:
    """Plain literals do; the event's id comes back; an event on a project belongs to the project."""
    event = one(
        session,
        f"SELECT log_audit_event('{USER}', 'CREATE', 'projects', '{PROJECT}',"
        """ '{"action": "Project created"}'::jsonb, '192.168.1.1')""",
    )
    row = session.execute(
        "SELECT user_id, action, resource_type, resource_id, project_id, details, ip_address, created_at = now(),"
        " updated_at = now() FROM audit_logs WHERE id = %s",
        (event,),
    ).fetchone()
    details = {"action": "Project created"}
    assert row == (USER, "CREATE", "projects", PROJECT, PROJECT, details, "192.168.1.1", True, True)


def test_log_audit_event_takes_an_unknown_actor_and_few_details(session: Session) -> None:
    """Nobody signed in, no resource, no details, no address: all of it is optional, the action is not."""
    event = one(session, "SELECT log_audit_event(NULL, 'LOGIN_FAILED', NULL, NULL)")
    row = session.execute(
        "SELECT user_id, resource_type, resource_id, project_id, details, ip_address FROM audit_logs WHERE id = %s",
        (event,),
    ).fetchone()
    assert row == (None, None, None, None, {}, None)
    assert one(session, "SELECT log_audit_event(NULL, 'X', 'users', %s, NULL, NULL) IS NOT NULL", USER)
    assert refused(session, "SELECT log_audit_event(NULL, NULL, NULL, NULL)") == "23502"
    assert refused(session, "SELECT log_audit_event(NULL, '', NULL, NULL)") == "22023"
    assert refused(session, "SELECT log_audit_event(NULL, 'X', NULL, NULL, '[1]')") == "22023"
    assert refused(session, f"SELECT log_audit_event(NULL, '{'x' * 101}', NULL, NULL)") == "22001"


def test_functions_cannot_be_led_astray(session: Session) -> None:
    """Neither another search path nor look-alike tables and functions of the caller change what a function does."""
    session.execute("CREATE SCHEMA trap")
    session.execute("SET LOCAL search_path TO trap, pg_temp")
    session.execute("CREATE TEMPORARY TABLE audit_logs (LIKE public.audit_logs)")
    session.execute("CREATE TABLE trap.deployments (LIKE public.deployments)")
    session.execute(
        "CREATE FUNCTION trap.uuid_generate_v4() RETURNS uuid LANGUAGE sql"
        " AS 'SELECT ''00000000-0000-0000-0000-000000000000''::uuid'"
    )
    event = one(session, "SELECT public.log_audit_event(NULL, 'X', NULL, NULL)")
    assert event.int
    assert one(session, "SELECT count(*) FROM pg_temp.audit_logs") == 0
    assert one(session, "SELECT count(*) FROM public.audit_logs WHERE id = %s", event) == 1
    session.execute("SET LOCAL search_path TO pg_catalog")
    assert one(session, "SELECT public.archive_old_records(90)") == 0
    assert one(session, "SELECT public.ensure_audit_partitions(12)") > 0


def test_audit_partitions_are_made_ahead_and_once(session: Session) -> None:
    """The migration made those around today; a call makes what is missing and says how many."""
    assert one(session, "SELECT ensure_audit_partitions(3)") == 0
    assert one(session, "SELECT ensure_audit_partitions(14)") == 11
    assert one(session, "SELECT ensure_audit_partitions(14)") == 0
    assert one(session, "SELECT ensure_audit_partitions(0, '1999-12-31 23:59:59.999999+00')") == 1
    assert one(session, "SELECT to_regclass('audit_logs_1999_12')") is not None
    assert one(session, "SELECT count(*) FROM pg_class WHERE relname = 'audit_logs_2000_01'") == 0
    for call in ("-1", "121", "NULL", "0, NULL", "0, 'infinity'"):
        assert refused(session, f"SELECT ensure_audit_partitions({call})") == "22023"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/Los_Angeles"])
def test_a_new_partition_takes_its_rows_out_of_the_default_one(session: Session, zone: str) -> None:
    """Rows of a month without partition wait in the default one and move, unchanged; months are UTC months."""
    session.execute(f"SET LOCAL TimeZone TO '{zone}'".encode())
    moments = [
        datetime(1999, 11, 30, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1999, 12, 1, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2000, 1, 1, tzinfo=UTC),
    ]
    for moment in moments:
        session.execute(
            "INSERT INTO audit_logs (action, details, created_at) VALUES ('X', %s, %s)",
            (json.dumps({"at": moment.isoformat()}), moment),
        )
    before = session.execute("SELECT * FROM audit_logs WHERE created_at < '2001-01-01' ORDER BY created_at").fetchall()
    assert one(session, "SELECT count(*) FROM audit_logs_default") == 4
    assert one(session, "SELECT ensure_audit_partitions(0, '1999-12-15+00')") == 1
    held = session.execute("SELECT created_at FROM audit_logs_1999_12 ORDER BY created_at").fetchall()
    assert [row[0] for row in held] == moments[1:3]
    assert one(session, "SELECT count(*) FROM audit_logs_default") == 2
    after = session.execute("SELECT * FROM audit_logs WHERE created_at < '2001-01-01' ORDER BY created_at").fetchall()
    assert after == before


def test_a_partition_can_be_made_while_events_are_written(migrated_url: str) -> None:
    """The call waits for writers that are under way and loses none of their rows."""
    from concurrent.futures import ThreadPoolExecutor

    event = uuid4()
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(migrated_url, autocommit=True) as watcher,
        psycopg.connect(migrated_url) as writer,
        psycopg.connect(migrated_url) as maker,
    ):
        writer.execute("INSERT INTO audit_logs (id, action, created_at) VALUES (%s, 'X', '1998-05-05+00')", (event,))
        made = pool.submit(one, maker, "SELECT ensure_audit_partitions(0, '1998-05-01+00')")
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid = %s"
        while not one(watcher, waiting, maker.info.backend_pid):
            assert not made.done()
        writer.commit()
        assert made.result(timeout=60) == 1
        maker.commit()
        try:
            assert one(watcher, "SELECT id FROM audit_logs_1998_05") == event
        finally:
            watcher.execute("DROP TABLE audit_logs_1998_05")


def test_calculate_project_quality_answers_a_literal(session: Session) -> None:
    """Nothing measured gives NULL, as numeric(5,2) otherwise; its rules have tests of their own."""
    make_project(session)
    assert one(session, f"SELECT calculate_project_quality('{PROJECT}')") is None
