"""What operators do with the command line, from an empty database to its upkeep."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.cli.commands import LONGEST, Ran, command, environment, same, vibecore
from tests.cli.conftest import PASSWORD
from vibecore import Actor, connect
from vibecore.domain.deployments import DeploymentStatus


def test_migrating_and_checking(new_database: Callable[[], str]) -> None:
    """From empty to the newest revision, one step on the way; repeating changes nothing; a check finds nothing."""
    url = new_database()
    assert vibecore("migrate", "--url", url, "--revision", "V1", "--json").done().json["revision"] == "V1"
    behind = vibecore("check", "--url", url)
    assert behind.code == 1
    assert "revision of alembic_version is V1, not V7" in behind.out.splitlines()
    migrated = vibecore("migrate", "--url", url, "--json").done().json
    assert (migrated["before"], migrated["revision"], migrated["schema"]) == ("V1", "V7", None)
    again = vibecore("migrate", "--url", url).done()
    assert again.out.endswith(" is at V7 (as before)\n")
    assert vibecore("check", "--url", url).done().out.endswith(" is as declared\n")
    assert vibecore("check", "--url", url, "--json").done().json["drift"] == []


def test_every_drift_is_a_line(database: str) -> None:
    """Exit code 1, and as many lines as differences; the same as JSON."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP INDEX idx_users_role")
        connection.execute("ALTER TABLE projects ALTER COLUMN description SET NOT NULL")
    text = vibecore("check", "--url", database)
    document = vibecore("check", "--url", database, "--json")
    assert (text.code, document.code) == (1, 1)
    assert len(text.out.splitlines()) == len(document.json["drift"]) == 2
    assert {one["object"] for one in document.json["drift"]} == {"users.idx_users_role", "projects.description"}
    for one in document.json["drift"]:
        assert any(one["object"] in line for line in text.out.splitlines())
    assert text.err == "vibecore: 2 differences from V7\n"


def test_secrets_of_the_url_are_not_shown(new_database: Callable[[], str]) -> None:
    """Neither the password nor the options, whatever the format."""
    url = new_database()
    for ran in (
        vibecore("migrate", "--url", url),
        vibecore("migrate", "--url", url, "--json"),
        vibecore("check", "--url", url),
    ):
        assert ran.code == 0
        assert _password(url) not in ran.out + ran.err


def test_the_database_comes_from_the_environment(database: str) -> None:
    """Where no --url is given; the schema likewise."""
    variables = {"VIBECORE_DATABASE_URL": database, "VIBECORE_DATABASE_SCHEMA": "elsewhere"}
    assert vibecore("migrate", "--json", variables=variables).done().json["schema"] == "elsewhere"
    assert vibecore("check", variables=variables).done()


def test_an_administrator_imports_and_reports(database: str, ada: str, tree: Path) -> None:
    """A new project, the same folder again, a changed one, and what the project is then like."""
    signed_in = ("--email", ada, "--url", database)

    def run(*arguments: str | Path) -> Ran:
        return vibecore(*arguments, *signed_in, given=f"{PASSWORD}\n").done()

    first = run("import", tree, "--new", "engine", "--exclude", "__pycache__/", "--review", "--json").json
    assert (first["import"]["created"], first["review"]["reviewed"]) == (6, 2)
    again = run("import", tree, "--project", "engine", "--exclude", "__pycache__/", "--json").json
    assert (again["import"]["created"], again["import"]["unchanged"], again["review"]) == (0, 6, None)
    assert again["project"] == first["project"]

    (tree / "clean.py").unlink()
    (tree / "logo.png").write_bytes(b"\0")
    third = run("import", tree, "--project", first["project"]["id"], "--delete-missing", "--exclude", "__pycache__/")
    assert third.out.splitlines() == [
        "0 files created, 1 updated, 4 unchanged, 1 deleted; 0 folders created",
        "1 skipped: is excluded",
        "1 skipped: is ignored by .gitignore",
        f"project {first['project']['id']}",
    ]
    everything = run("import", tree, "--project", "engine", "--no-gitignore", "--json").json
    assert (everything["import"]["created"], everything["import"]["skipped"]) == (2, [])

    report = run("report", "engine", "--json").json
    assert report["files"]["files"] == 7
    assert report["reviews"]["files"] == 1
    assert report["quality"]["score"] == report["project"]["quality_score"]
    assert report["deployments"] == []
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_report_by_the_system(database: str, tree: Path) -> None:
    """Without --email the system looks, which the audit trail says; --last looks at what was found, and writes none."""
    project = vibecore("demo", tree, "--url", database, "--json").done().json["project"]["id"]
    made = vibecore("report", "engine", "--url", database).done()
    last = vibecore("report", project, "--last", "--url", database).done()
    assert same(made.out).partition("Quality ")[2] == same(last.out).partition("Quality ")[2] != ""
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM quality_scores").fetchone() == (2,)
        reasons = connection.execute("SELECT DISTINCT details ->> 'system_reason' FROM audit_logs")
        assert {reason for (reason,) in reasons} == {None, "vibecore report"}


def test_a_name_that_several_projects_have(database: str, tree: Path) -> None:
    """Their ids are told, and one of them will do."""
    ids = {vibecore("demo", tree, "--url", database, "--json").done().json["project"]["id"] for _ in range(2)}
    line = vibecore("report", "engine", "--url", database).refused(2)
    assert line.startswith("project: several have this name, give an id: ")
    assert set(line.rpartition(": ")[2].split(", ")) == ids


def test_a_project_that_was_never_assessed(database: str, ada: str, tree: Path) -> None:
    """There is no last assessment, and a first one has no score."""
    made = vibecore("import", tree, "--new", "engine", "--email", ada, "--url", database, given=f"{PASSWORD}\n")
    project = made.done().out.split()[-1]
    assert vibecore("report", project, "--last", "--url", database).refused(1) == f"no such assessment: {project}"
    first = vibecore("report", project, "--url", database).done()
    assert "No score: nothing is measured yet. It can lie between 0.00 and 100.00." in first.out


def test_upkeep(database: str, tree: Path) -> None:
    """What ended is archived but for what a rollback may need, the analytics are renewed, the audit trail has room."""
    vibecore("demo", tree, "--url", database).done()
    kept = vibecore("maintain", "--url", database, "--json").done().json
    assert (kept["archived"], kept["daily_rows"], kept["user_rows"]) == (0, 1, 1)
    upkeep = Actor.system("test")
    with connect(database) as vibe:
        project = vibe.projects.page(upkeep, everything=True).items[0].id
        never_live = vibe.deployments.create(upkeep, project, environment="staging")
        vibe.deployments.transition(upkeep, project, never_live.id, DeploymentStatus.FAILED, reason="no room")
    archived = vibecore("maintain", "--archive-days", "0", "--audit-months", "7", "--url", database).done()
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT count(*) FROM archived_deployments").fetchone()
        last = connection.execute(
            "SELECT max(relname) FROM pg_class WHERE relname ~ '^audit_logs_\\d{4}_\\d\\d$'"
        ).fetchone()
    assert found is not None
    assert archived.out.splitlines()[0] == f"{found[0]} deployments archived"
    assert found[0] == 1
    until = date.fromisoformat(archived.out.split()[-1])
    assert last == (f"audit_logs_{until - timedelta(days=1):%Y_%m}",)
    assert kept["sign_in"] == {"sessions": 0, "superseded_tokens": 0, "api_keys": 0, "throttles": 0}
    assert archived.out.splitlines()[2] == "0 sessions, 0 superseded tokens, 0 API keys and 0 throttles purged"
    assert until > date.fromisoformat(kept["audit_until"]) > datetime.fromisoformat(kept["as_of"]).date()


@pytest.mark.parametrize(
    ("again", "code", "line"),
    [(PASSWORD, 0, ""), ("another one", 2, "vibecore: password: was typed differently the second time")],
)
def test_a_password_typed_on_a_terminal(database: str, again: str, code: int, line: str) -> None:
    """It is asked for twice, not echoed, and two different ones are refused."""
    terminal, end = os.openpty()
    try:
        # In a session of its own the process has no /dev/tty: getpass then uses its standard input and stderr.
        with subprocess.Popen(
            command(["create-admin", "--email", "ada@example.org", "--name", "Ada", "--url", database]),
            stdin=end,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            start_new_session=True,
        ) as process:
            _answer(process, terminal, "Password: ", PASSWORD)
            _answer(process, terminal, "Again: ", again)
            out, err = process.communicate(timeout=LONGEST)
    finally:
        os.close(terminal)
        os.close(end)
    assert process.returncode == code
    assert err.strip() == line
    assert PASSWORD not in out + err


def _answer(process: subprocess.Popen[str], terminal: int, prompt: str, typed: str) -> None:
    """Type a line once `prompt` stands there: what is typed earlier is thrown away."""
    assert process.stderr is not None
    shown = ""
    while not shown.endswith(prompt):
        character = process.stderr.read(1)
        assert character, shown
        shown += character
    os.write(terminal, f"{typed}\n".encode())


def _password(url: str) -> str:
    from sqlalchemy.engine import make_url

    password = make_url(url).password
    assert isinstance(password, str)
    assert len(password) > 8
    return password


@pytest.mark.parametrize(
    "name",
    ["demo", "migrate", "check", "create-admin", "import", "export", "report", "maintain", "unlock", "rotate-keys"],
)
def test_every_command_explains_itself(name: str) -> None:
    """With the options that all of them share."""
    told = vibecore(name, "--help").done().out
    for option in ("--url", "--schema", "--json"):
        assert option in told
    assert name in vibecore("--help").done().out
