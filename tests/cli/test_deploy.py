"""Deployments and their logs on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

import vibecore as library
from tests.cli.commands import LONGEST, command, environment, vibecore
from tests.cli.conftest import PASSWORD
from vibecore.domain.deployments import DeploymentStatus

REFUSED, USAGE = 1, 2
NOBODY = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def engine(database: str, ada: str) -> str:
    """The name of a project of Ada's."""
    with library.connect(database) as vibe:
        vibe.projects.create(vibe.auth.login(email=ada, password=PASSWORD).actor, name="engine")
    return "engine"


def deploy(database: str, *arguments: str) -> Any:
    """The JSON document of a command."""
    return vibecore("deploy", *arguments, "--json", "--url", database).done().json


def test_a_deployment_from_its_begin_to_its_end(database: str, engine: str) -> None:
    """Each command is a step; what is told is what is stored, and the trail says that it was the command."""
    first = deploy(database, "create", engine, "Production", "--version", "1.0", "--reason", "release")
    assert (first["status"], first["environment"], first["version"]) == ("pending", "production", "1.0")
    assert deploy(database, "start", engine, first["id"])["status"] == "building"
    went = deploy(database, "live", engine, first["id"], "--address", "https://example.org", "--reason", "healthy")
    assert (went["status"], went["deployment_url"], went["reason"]) == ("running", "https://example.org", "healthy")
    second = deploy(database, "create", engine, "production", "--version", "2.0")
    deploy(database, "start", engine, second["id"])
    deploy(database, "live", engine, second["id"])
    back = deploy(database, "rollback", engine, second["id"], "--reason", "slow")
    assert (back["version"], back["rollback_of"]) == ("1.0", second["id"])
    assert deploy(database, "fail", engine, back["id"])["status"] == "failed"
    again = deploy(database, "retry", engine, back["id"])
    assert (again["retry_of"], again["rollback_of"]) == (back["id"], second["id"])
    assert deploy(database, "stop", engine, again["id"])["status"] == "stopped"
    listed = deploy(database, "list", engine)["deployments"]
    assert [each["id"] for each in listed] == [each["id"] for each in (again, back, second, first)]
    assert deploy(database, "show", engine, first["id"])["status"] == "stopped"
    assert deploy(database, "list", engine, "--environment", "STAGING")["deployments"] == []
    assert deploy(database, "list", engine, "--archived")["deployments"] == []


def test_what_is_told_in_words_steers_no_terminal(database: str, engine: str) -> None:
    """A line for each deployment, control characters escaped."""
    vibecore("deploy", "create", engine, "qa", "--version", "\x1b[1m1", "--reason", "a\nb", "--url", database).done()
    told = vibecore("deploy", "list", engine, "--url", database).done().out
    assert len(told.splitlines()) == 1
    assert "\x1b" not in told
    assert "qa" in told
    key = told.split()[0]
    shown = vibecore("deploy", "show", engine, key, "--url", database).done().out
    assert "\x1b" not in shown
    assert "environment: qa" in shown.splitlines()


def test_what_cannot_be_done_is_one_line(database: str, engine: str) -> None:
    """No such project, no such deployment, no such step, a second one in flight, an id that is none."""
    made = deploy(database, "create", engine, "qa")["id"]
    url = ("--url", database)
    assert vibecore("deploy", "list", "nothing", *url).refused(REFUSED) == "no such project: nothing"
    assert vibecore("deploy", "show", engine, NOBODY, *url).refused(REFUSED) == f"no such deployment: {NOBODY}"
    assert "pending to running" in vibecore("deploy", "live", engine, made, *url).refused(REFUSED)
    assert "exists" in vibecore("deploy", "create", engine, "qa", *url).refused(REFUSED)
    line = "deployment: is not the id of a deployment"
    for words in (("deploy", "stop"), ("logs",)):
        assert vibecore(*words, engine, "latest", *url).refused(USAGE) == line
    assert vibecore("logs", engine, made, "--first", "0", *url).refused(USAGE).startswith("first: ")


@pytest.fixture
def logged(database: str, ada: str, engine: str) -> str:
    """The id of a deployment with three lines in its log, one of them hostile."""
    with library.connect(database) as vibe:
        actor = vibe.auth.login(email=ada, password=PASSWORD).actor
        project = vibe.projects.page(actor).items[0]
        made = vibe.deployments.create(actor, project.id, environment="qa")
        vibe.deployments.append_logs(actor, project.id, made.id, ["one", "\x1b]0;title\x07two", "three"])
    return str(made.id)


def test_a_log_is_printed(database: str, engine: str, logged: str) -> None:
    """Escaped, raw, with times, from a number on, and as one document for each line."""

    def printed(*more: str) -> list[str]:
        return vibecore("logs", engine, logged, *more, "--url", database).done().out.split("\n")[:-1]

    assert printed() == ["one", "\\x1b]0;title\\x07two", "three"]
    assert printed("--raw")[1] == "\x1b]0;title\x07two"
    assert printed("--first", "3") == ["three"]
    number, _, _, stream, text = printed("--times")[0].split()
    assert (number, stream, text) == ("1", "stdout", "one")
    documents = [json.loads(line) for line in printed("--json")]
    assert [(each["number"], each["text"]) for each in documents] == [
        (1, "one"),
        (2, "\x1b]0;title\x07two"),
        (3, "three"),
    ]


def following(database: str, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """A command that follows, with SIGINT as a terminal would have it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            command([*arguments, "--follow", "--url", database]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_log_is_followed_to_the_end(database: str, ada: str, engine: str, logged: str) -> None:
    """Lines are printed as they come, and the command ends with the deployment."""
    with following(database, ["logs", engine, logged]) as process, library.connect(database) as vibe:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)][2] == "three\n"
        actor = vibe.auth.login(email=ada, password=PASSWORD).actor
        project = vibe.projects.page(actor).items[0]
        made = vibe.deployments.page(actor, project.id).items[0]
        vibe.deployments.append_logs(actor, project.id, made.id, ["four"])
        assert process.stdout.readline() == "four\n"
        vibe.deployments.append_logs(actor, project.id, made.id, ["five"])
        vibe.deployments.transition(actor, project.id, made.id, DeploymentStatus.FAILED, reason="over")
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (0, "five\n", "")


def test_an_interruption_ends_the_following(database: str, engine: str, logged: str) -> None:
    """Ctrl-C: one line, and the shell's exit code."""
    with following(database, ["logs", engine, logged]) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(3)][2] == "three\n"
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (130, "", "vibecore: interrupted\n")
