"""The process: what starting it costs, how it is interrupted, and what it does without a reader or a terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.commands import LONGEST, command, environment, vibecore

HEAVY = ("alembic", "greenlet", "psycopg", "pydantic_settings", "rpds", "sqlalchemy")


def test_help_and_usage_load_no_database_library() -> None:
    """Asking what there is, or asking wrongly, is answered at once."""
    for arguments in (["--help"], ["demo", "--help"], ["--version"], ["frob"], ["demo", "/no/such/folder"]):
        code = f"import sys; from vibecore.cli import main; main({arguments!r})"
        code += f"\nprint(*sorted(set(sys.modules) & set({HEAVY!r})), file=sys.stderr)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert ran.stderr.splitlines()[-1:] == [""], arguments


def test_without_a_command_help_is_shown() -> None:
    """All commands, and success: nothing went wrong."""
    assert "create-admin" in vibecore().done().out


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A tree that takes some seconds to review, so that a signal always arrives in time."""
    root = tmp_path / "large"
    root.mkdir()
    function = "def f{}(a, b):\n    if a:\n        return eval(b)\n    return [x for x in a if x]\n\n\n"
    for number in range(300):
        (root / f"m{number}.py").write_text("".join(function.format(index) for index in range(200)))
    return root


@contextmanager
def reviewing(large: Path, folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """A demo on an embedded server in `folder` that has come to its longest step."""
    vector = command(["demo", large, "--url", f"embedded://{folder}", *more])
    # A shell starts what it runs in the background with SIGINT ignored, which every process below would inherit.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        started = subprocess.Popen(
            vector, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
        )
    finally:
        signal.signal(signal.SIGINT, before)
    with started as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("import "):
                break
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("number", "code", "line"),
    [
        (signal.SIGINT, 130, "vibecore: interrupted\n"),
        (signal.SIGTERM, 143, "vibecore: terminated\n"),
        (signal.SIGHUP, 143, "vibecore: terminated\n"),
    ],
)
def test_a_signal_ends_it_in_order(large: Path, tmp_path: Path, number: int, code: int, line: str) -> None:
    """One line, the shell's exit code, and no server left behind. Ctrl-C goes to the whole process group."""
    folder = tmp_path / "server"
    with reviewing(large, folder) as process:
        assert (folder / "data" / "postmaster.pid").exists()
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=LONGEST)
    assert (process.returncode, out, err) == (code, "", line)
    assert not (folder / "data" / "postmaster.pid").exists()


def test_a_reader_that_leaves_is_no_error(tree: Path) -> None:
    """`vibecore demo | head` ends quietly, with the code that a shell gives for SIGPIPE."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        vector = command(["demo", tree, "--url", "memory://", "--json"])
        ran = subprocess.run(vector, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    finally:
        os.close(writer)
    assert ran.returncode == 141
    assert ran.stderr.splitlines()[-1].startswith("gather the figures")


def test_closed_streams_are_no_error(tree: Path) -> None:
    """As a daemon may start it: nothing open at all."""
    vector = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command(["demo", tree, "--url", "memory://"])]
    assert subprocess.run(vector, env=environment(), timeout=LONGEST, check=False).returncode == 0


def test_a_full_disk_is_one_line(tree: Path) -> None:
    """Output that cannot be written is a failure, and says so."""
    with Path("/dev/full").open("w") as full:
        vector = command(["demo", tree, "--url", "memory://", "--json"])
        ran = subprocess.run(vector, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(), check=False)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == "vibecore: the system: No space left on device"
    assert "Traceback" not in ran.stderr


def test_progress_is_drawn_on_a_terminal(tree: Path) -> None:
    """A person sees what is going on; each finished step leaves one line."""
    terminal, end = os.openpty()
    try:
        vector = command(["demo", tree, "--url", "memory://"])
        process = subprocess.Popen(vector, stdout=subprocess.DEVNULL, stderr=end, env=environment(TERM="xterm"))
        os.close(end)
        drawn = b""
        while part := _read(terminal):
            drawn += part
        assert process.wait(timeout=LONGEST) == 0
    finally:
        os.close(terminal)
    assert b"\x1b[" in drawn
    for step in (b"import", b"review", b"gather the figures"):
        assert step in drawn


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:
        # Linux reports the end of a terminal so.
        return b""


def test_it_runs_as_a_script_and_as_a_module() -> None:
    """Both ways are the same command."""
    script = Path(sys.executable).parent / "vibecore"
    ran = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout == vibecore("--version").done().out
