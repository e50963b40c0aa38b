"""The drift check: each planted difference is named, and nothing else is."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
import sqlalchemy as sa

from vibecore.bootstrap import migrations
from vibecore.domain.tables import TABLES
from vibecore.repositories.postgres.check import MATERIALIZED_VIEWS, Drift, check

NOW: Final = "archive_old_records(integer,timestamp with time zone)"
IN_FLIGHT: Final = "status = ANY (ARRAY['pending'::deployment_status, 'building'::deployment_status])"
TRIGGER: Final = (
    "CREATE TRIGGER update_files_updated_at BEFORE UPDATE ON files FOR EACH ROW"
    " WHEN (NOT new.updated_at IS DISTINCT FROM old.updated_at) EXECUTE FUNCTION update_updated_at_column()"
)
TIER: Final = (
    "CHECK (subscription_tier::text = ANY (ARRAY['free'::character varying, 'pro'::character varying,"
    " 'enterprise'::character varying]::text[]))"
)
OWNER_KEY: Final = "FOREIGN KEY (owner_id) REFERENCES users(id) ON DELETE CASCADE"

PLANTED: Final[dict[str, tuple[str, list[Drift]]]] = {
    "missing table": (
        "DROP TABLE analytics_refreshes CASCADE",
        [
            Drift("table", "analytics_refreshes", "permanent", None),
            *(Drift("materialized view", name, "present", None) for name in MATERIALIZED_VIEWS),
        ],
    ),
    "extra table": (
        "CREATE TABLE stray (id integer PRIMARY KEY)",
        [Drift("table", "stray", None, "permanent")],
    ),
    "unlogged table": (
        "ALTER TABLE recovery_codes SET UNLOGGED",
        [Drift("table", "recovery_codes", "permanent", "unlogged")],
    ),
    "row security": (
        "ALTER TABLE files ENABLE ROW LEVEL SECURITY",
        [Drift("row security", "files", "off", "on")],
    ),
    "missing column": (
        "ALTER TABLE notifications DROP COLUMN title",
        [Drift("column", "notifications.title", "character varying(255)", None)],
    ),
    "extra column": (
        "ALTER TABLE notifications ADD COLUMN colour text",
        [Drift("column", "notifications.colour", None, "text")],
    ),
    "column type": (
        "ALTER TABLE sessions ALTER COLUMN last_seen_at TYPE timestamp",
        [
            Drift("type", "sessions.last_seen_at", "timestamp with time zone", "timestamp without time zone"),
        ],
    ),
    "column length": (
        'ALTER TABLE api_keys ALTER COLUMN name TYPE varchar(300) COLLATE "C"',
        [
            Drift("length", "api_keys.name", "255", "300"),
        ],
    ),
    "numeric precision": (
        "ALTER TABLE quality_scores ALTER COLUMN upper TYPE numeric(6,3)",
        [
            Drift("length", "quality_scores.upper", "5,2", "6,3"),
        ],
    ),
    "collation": (
        'ALTER TABLE notifications ALTER COLUMN message TYPE text COLLATE "default"',
        [Drift("collation", "notifications.message", "C", "default")],
    ),
    "array collation": (
        'ALTER TABLE cicd_executions ALTER COLUMN logs TYPE text[] COLLATE "default"',
        [Drift("collation", "cicd_executions.logs", "C", "default")],
    ),
    "column may be null": (
        "ALTER TABLE files ALTER COLUMN name DROP NOT NULL",
        [Drift("nullability", "files.name", "NOT NULL", "NULL")],
    ),
    "column may not be null": (
        "ALTER TABLE files ALTER COLUMN language SET NOT NULL",
        [Drift("nullability", "files.language", "NULL", "NOT NULL")],
    ),
    "changed default": (
        "ALTER TABLE users ALTER COLUMN role SET DEFAULT 'admin'",
        [Drift("default", "users.role", "'developer'::user_role", "'admin'::user_role")],
    ),
    "missing default": (
        "ALTER TABLE users ALTER COLUMN id DROP DEFAULT",
        [Drift("default", "users.id", "uuid_generate_v4()", None)],
    ),
    "extra default": (
        "ALTER TABLE users ALTER COLUMN name SET DEFAULT ''",
        [Drift("default", "users.name", None, "''::character varying")],
    ),
    "missing primary key": (
        "ALTER TABLE notification_webhooks DROP CONSTRAINT pk_notification_webhooks",
        [Drift("primary key", "notification_webhooks.pk_notification_webhooks", "PRIMARY KEY (id)", None)],
    ),
    "other primary key": (
        "ALTER TABLE notification_webhooks DROP CONSTRAINT pk_notification_webhooks;"
        " ALTER TABLE notification_webhooks ADD CONSTRAINT pk_notification_webhooks PRIMARY KEY (user_id, id)",
        [
            Drift(
                "primary key",
                "notification_webhooks.pk_notification_webhooks",
                "PRIMARY KEY (id)",
                "PRIMARY KEY (user_id, id)",
            )
        ],
    ),
    "missing unique": (
        "ALTER TABLE users DROP CONSTRAINT idx_users_email",
        [Drift("unique", "users.idx_users_email", "UNIQUE (email)", None)],
    ),
    "unique of other columns": (
        "ALTER TABLE sessions DROP CONSTRAINT uq_sessions_token;"
        " ALTER TABLE sessions ADD CONSTRAINT uq_sessions_token UNIQUE (token)",
        [Drift("unique", "sessions.uq_sessions_token", "UNIQUE (user_id, token)", "UNIQUE (token)")],
    ),
    "unique with equal nulls": (
        "ALTER TABLE sessions DROP CONSTRAINT uq_sessions_token;"
        " ALTER TABLE sessions ADD CONSTRAINT uq_sessions_token UNIQUE NULLS NOT DISTINCT (user_id, token)",
        [
            Drift(
                "unique",
                "sessions.uq_sessions_token",
                "UNIQUE (user_id, token)",
                "UNIQUE NULLS NOT DISTINCT (user_id, token)",
            )
        ],
    ),
    "partial predicate": (
        "DROP INDEX uq_deployments_in_flight; CREATE UNIQUE INDEX uq_deployments_in_flight"
        " ON deployments (project_id, environment) WHERE status = 'pending'",
        [
            Drift(
                "predicate",
                "deployments.uq_deployments_in_flight",
                IN_FLIGHT,
                "status = 'pending'::deployment_status",
            ),
            Drift(
                "order of unique rules",
                "deployments",
                "pk_deployments, uq_deployments_in_flight, uq_deployments_running",
                "pk_deployments, uq_deployments_running, uq_deployments_in_flight",
            ),
        ],
    ),
    "partial index without predicate": (
        "DROP INDEX uq_cicd_executions_running;"
        " CREATE UNIQUE INDEX uq_cicd_executions_running ON cicd_executions (project_id, concurrency_key)",
        [Drift("predicate", "cicd_executions.uq_cicd_executions_running", "status::text = 'running'::text", None)],
    ),
    "partial index not unique": (
        "DROP INDEX uq_cicd_executions_running; CREATE INDEX uq_cicd_executions_running"
        " ON cicd_executions (project_id, concurrency_key) WHERE status = 'running'",
        [
            Drift("index", "cicd_executions.uq_cicd_executions_running", None, "btree (project_id, concurrency_key)"),
            Drift(
                "unique index",
                "cicd_executions.uq_cicd_executions_running",
                "btree (project_id, concurrency_key)",
                None,
            ),
        ],
    ),
    "missing foreign key": (
        "ALTER TABLE projects DROP CONSTRAINT fk_projects_owner",
        [Drift("foreign key", "projects.fk_projects_owner", OWNER_KEY, None)],
    ),
    "foreign key without cascade": (
        "ALTER TABLE projects DROP CONSTRAINT fk_projects_owner;"
        " ALTER TABLE projects ADD CONSTRAINT fk_projects_owner FOREIGN KEY (owner_id) REFERENCES users (id)",
        [
            Drift(
                "foreign key",
                "projects.fk_projects_owner",
                OWNER_KEY,
                "FOREIGN KEY (owner_id) REFERENCES users(id)",
            )
        ],
    ),
    "deferred foreign key": (
        "ALTER TABLE projects ALTER CONSTRAINT fk_projects_owner DEFERRABLE INITIALLY DEFERRED",
        [
            Drift(
                "foreign key",
                "projects.fk_projects_owner",
                OWNER_KEY,
                f"{OWNER_KEY} DEFERRABLE INITIALLY DEFERRED",
            )
        ],
    ),
    "extra foreign key": (
        "ALTER TABLE audit_logs ADD CONSTRAINT fk_actor FOREIGN KEY (user_id) REFERENCES users (id)",
        [Drift("foreign key", "audit_logs.fk_actor", None, "FOREIGN KEY (user_id) REFERENCES users(id)")],
    ),
    "order of foreign keys": (
        "ALTER TABLE files DROP CONSTRAINT fk_files_project; ALTER TABLE files ADD CONSTRAINT fk_files_project"
        " FOREIGN KEY (project_id) REFERENCES projects (id) ON DELETE CASCADE",
        [
            Drift(
                "order of foreign keys",
                "files",
                "fk_files_project, fk_files_parent",
                "fk_files_parent, fk_files_project",
            )
        ],
    ),
    "order of unique rules": (
        "ALTER TABLE users DROP CONSTRAINT idx_users_email;"
        " ALTER TABLE users ADD CONSTRAINT idx_users_email UNIQUE (email)",
        [
            Drift(
                "order of unique rules",
                "users",
                "pk_users, idx_users_email, uq_users_email_key",
                "pk_users, uq_users_email_key, idx_users_email",
            )
        ],
    ),
    "missing index": (
        "DROP INDEX idx_users_role",
        [Drift("index", "users.idx_users_role", "btree (role)", None)],
    ),
    "missing index on a partitioned table": (
        "DROP INDEX idx_audit_logs_user",
        [Drift("index", "audit_logs.idx_audit_logs_user", "btree (user_id, created_at)", None)],
    ),
    "extra index": (
        "CREATE INDEX idx_stray ON users (name)",
        [Drift("index", "users.idx_stray", None, "btree (name)")],
    ),
    "index method": (
        "DROP INDEX idx_users_role; CREATE INDEX idx_users_role ON users USING hash (role)",
        [Drift("index", "users.idx_users_role", "btree (role)", "hash (role)")],
    ),
    "index operator class": (
        "DROP INDEX idx_files_metadata; CREATE INDEX idx_files_metadata ON files USING gin (metadata jsonb_path_ops)",
        [Drift("index", "files.idx_files_metadata", "gin (metadata)", "gin (metadata jsonb_path_ops)")],
    ),
    "index columns": (
        "DROP INDEX idx_projects_created; CREATE INDEX idx_projects_created ON projects (created_at DESC)",
        [Drift("index", "projects.idx_projects_created", "btree (created_at, id)", "btree (created_at DESC)")],
    ),
    "missing check": (
        "ALTER TABLE users DROP CONSTRAINT ck_users_subscription_tier",
        [Drift("check", "users.ck_users_subscription_tier", TIER, None)],
    ),
    "extra check": (
        "ALTER TABLE files ADD CONSTRAINT ck_size CHECK (size_bytes >= 0)",
        [Drift("check", "files.ck_size", None, "CHECK (size_bytes >= 0)")],
    ),
    "other check": (
        "ALTER TABLE users DROP CONSTRAINT ck_users_subscription_tier; ALTER TABLE users"
        " ADD CONSTRAINT ck_users_subscription_tier CHECK (subscription_tier <> '')",
        [
            Drift("check", "users.ck_users_subscription_tier", TIER, "CHECK (subscription_tier::text <> ''::text)"),
        ],
    ),
    "extra exclusion": (
        "ALTER TABLE sessions ADD CONSTRAINT ex_sessions EXCLUDE USING btree (token WITH =)",
        [Drift("exclusion", "sessions.ex_sessions", None, "EXCLUDE USING btree (token WITH =)")],
    ),
    "extra enum label": (
        "ALTER TYPE user_role ADD VALUE 'auditor'",
        [Drift("enum", "user_role", "admin, developer, viewer", "admin, developer, viewer, auditor")],
    ),
    "order of enum labels": (
        "ALTER TYPE visibility RENAME VALUE 'private' TO 'x'; ALTER TYPE visibility RENAME VALUE 'public' TO 'private';"
        " ALTER TYPE visibility RENAME VALUE 'x' TO 'public'",
        [
            Drift("default", "projects.visibility", "'private'::visibility", "'public'::visibility"),
            Drift("enum", "visibility", "private, team, public", "public, team, private"),
        ],
    ),
    "extra enum": (
        "CREATE TYPE mood AS ENUM ('sad', 'ok')",
        [Drift("enum", "mood", None, "sad, ok")],
    ),
    "missing trigger": (
        "DROP TRIGGER update_files_updated_at ON files",
        [Drift("trigger", "files.update_files_updated_at", TRIGGER, None)],
    ),
    "disabled trigger": (
        "ALTER TABLE files DISABLE TRIGGER update_files_updated_at",
        [Drift("trigger", "files.update_files_updated_at", TRIGGER, f"{TRIGGER} (disabled)")],
    ),
    "extra trigger": (
        "CREATE TRIGGER stray BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()",
        [
            Drift(
                "trigger",
                "users.stray",
                None,
                "CREATE TRIGGER stray BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION update_updated_at_column()",
            )
        ],
    ),
    "missing function": (
        f"DROP FUNCTION {NOW}",
        [Drift("function", NOW, "returns integer", None)],
    ),
    "missing uuid_generate_v4": (
        "ALTER FUNCTION uuid_generate_v4() RENAME TO uuid_generate_v5",
        [
            *(Drift("default", f"{table.name}.id", "uuid_generate_v4()", "uuid_generate_v5()") for table in TABLES),
            Drift("function", "uuid_generate_v4()", "returns uuid", None),
            Drift("function", "uuid_generate_v5()", None, "returns uuid"),
        ],
    ),
    "replaced function body": (
        "CREATE OR REPLACE FUNCTION update_updated_at_column() RETURNS trigger LANGUAGE plpgsql"
        " SET search_path TO public, pg_temp AS 'BEGIN RETURN NEW; END'",
        [Drift("body", "update_updated_at_column()", "as migrated", "replaced")],
    ),
    "function without search path": (
        "ALTER FUNCTION calculate_project_quality(uuid) RESET search_path",
        [Drift("settings", "calculate_project_quality(uuid)", "search_path=public, pg_temp", "none")],
    ),
    "function with its owner's rights": (
        "ALTER FUNCTION project_quality_inputs(uuid) SECURITY DEFINER",
        [Drift("function", "project_quality_inputs(uuid)", "returns record", "returns record, security definer")],
    ),
    "extra function": (
        "CREATE FUNCTION stray() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        [Drift("function", "stray()", None, "returns integer")],
    ),
    "missing view": (
        "DROP VIEW v_recent_activity",
        [Drift("view", "v_recent_activity", "present", None)],
    ),
    "extra view": (
        "CREATE VIEW v_stray AS SELECT 1 AS one",
        [Drift("view", "v_stray", None, "present")],
    ),
    "missing materialized view": (
        "DROP MATERIALIZED VIEW mv_user_activity",
        [Drift("materialized view", "mv_user_activity", "present", None)],
    ),
    "materialized view that cannot be refreshed concurrently": (
        "DROP INDEX uq_mv_user_activity",
        [Drift("refresh index", "mv_user_activity", "present", "missing")],
    ),
    "materialized view without data": (
        "REFRESH MATERIALIZED VIEW mv_system_health WITH NO DATA",
        [Drift("populated", "mv_system_health", "yes", "no")],
    ),
    "view in place of a materialized view": (
        "DROP MATERIALIZED VIEW mv_user_activity; CREATE VIEW mv_user_activity AS SELECT 1 AS one",
        [
            Drift("materialized view", "mv_user_activity", "present", None),
            Drift("view", "mv_user_activity", None, "present"),
        ],
    ),
    "missing default partition": (
        "DROP TABLE audit_logs_default",
        [Drift("partition", "audit_logs.audit_logs_default", "DEFAULT", None)],
    ),
    "partition of another length": (
        "CREATE TABLE audit_logs_1999 PARTITION OF audit_logs FOR VALUES FROM ('1999-01-01+00') TO ('2000-01-01+00')",
        [
            Drift(
                "partition",
                "audit_logs.audit_logs_1999",
                "one month in UTC",
                "FOR VALUES FROM ('1999-01-01 00:00:00+00') TO ('2000-01-01 00:00:00+00')",
            )
        ],
    ),
    "plain table in place of a partitioned one": (
        "CREATE TABLE plain (LIKE audit_logs INCLUDING DEFAULTS); DROP TABLE audit_logs CASCADE;"
        " ALTER TABLE plain RENAME TO audit_logs",
        [Drift("partitioning", "audit_logs", "RANGE (created_at)", "none")],
    ),
}
"""What is done to a database, and the drifts that must be named for it."""


def test_a_migrated_database_has_no_drift(connection: sa.Connection) -> None:
    """The migrations arrive at the declared schema."""
    assert check(connection) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_drift_is_named(connection: sa.Connection, name: str) -> None:
    """The planted difference is reported by name, with both sides, and nothing beside it."""
    statements, expected = PLANTED[name]
    connection.exec_driver_sql(statements)
    found = check(connection)
    if name == "plain table in place of a partitioned one":
        found = [drift for drift in found if drift.kind == "partitioning"]  # its indexes are gone as well
    assert set(found) == set(expected)


def test_a_foreign_key_that_is_not_enforced_is_named(superuser: sa.Connection) -> None:
    """A superuser can switch the check off; the constraint alone looks as before."""
    superuser.exec_driver_sql("ALTER TABLE quality_scores DISABLE TRIGGER ALL")
    key = "FOREIGN KEY (project_id) REFERENCES projects(id) ON DELETE CASCADE"
    assert check(superuser) == [
        Drift("foreign key", "quality_scores.fk_quality_scores_project", key, f"{key} (disabled)")
    ]


def test_an_applications_own_objects_are_not_drift(connection: sa.Connection) -> None:
    """In a schema shared with an application, only what is attached to vibecore's tables is compared."""
    for name, (statements, _) in PLANTED.items():
        if name in {"extra table", "extra enum", "extra function", "extra view"}:
            connection.exec_driver_sql(statements)
    connection.exec_driver_sql("CREATE MATERIALIZED VIEW mv_app AS SELECT 1 AS one")
    assert check(connection, own=False) == []
    connection.exec_driver_sql(PLANTED["extra trigger"][0])
    assert check(connection, own=False) == PLANTED["extra trigger"][1]


def test_checking_leaves_the_session_as_it_was(connection: sa.Connection) -> None:
    """The settings that the check needs are put back."""
    connection.exec_driver_sql("SET search_path TO pg_catalog, public")
    connection.exec_driver_sql("SET TimeZone TO 'Asia/Kathmandu'")
    assert check(connection, "public") == []
    assert connection.exec_driver_sql("SHOW search_path").scalar_one() == "pg_catalog, public"
    assert connection.exec_driver_sql("SHOW TimeZone").scalar_one() == "Asia/Kathmandu"


def test_an_empty_schema_lacks_every_table_once(database_url: str) -> None:
    """Of a missing table the table is named, not its columns; the revision comes first."""
    drifts = migrations.check(database_url, schema="nothing_here")
    assert drifts[0] == Drift("revision", "alembic_version", "V7", None)
    assert all(drift.found is None for drift in drifts)
    assert {drift.kind for drift in drifts[1:]} == {"table", "enum", "function", "view", "materialized view"}
    assert sum(drift.kind == "table" for drift in drifts) == 25


def test_checking_needs_no_right_to_write(migrated_url: str, database_url: str) -> None:
    """A role that may only read is enough, and the check runs read-only."""
    with psycopg.connect(migrated_url, autocommit=True) as session:
        session.execute(f'ALTER DATABASE "{session.info.dbname}" SET default_transaction_read_only TO on')
        try:
            assert migrations.check(migrated_url) == []
        finally:
            session.execute("SET default_transaction_read_only TO off")
            session.execute(f'ALTER DATABASE "{session.info.dbname}" RESET default_transaction_read_only')


def test_drifts_read_as_sentences() -> None:
    """What is missing, what is not declared, what differs."""
    assert str(Drift("index", "users.i", "btree (a)", None)) == "index users.i is missing: btree (a)"
    assert str(Drift("index", "users.i", None, "btree (a)")) == "index users.i is not declared: btree (a)"
    assert str(Drift("default", "users.role", "'a'", "'b'")) == "default of users.role is 'b', not 'a'"
