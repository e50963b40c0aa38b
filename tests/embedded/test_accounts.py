"""Which account serves a folder, and how it gets past folders that are closed to it."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.embedded.processes import scalar, server_pid
from vibecore.repositories.postgres.embedded import EmbeddedServerError, FolderRefused, start
from vibecore.repositories.postgres.embedded.account import Owner, owner_of

AS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
STRANGER = Owner(uid=54321, gid=54321, lent=True)


def server_uid(folder: Path) -> int:
    return Path(f"/proc/{server_pid(folder)}").stat().st_uid


def test_an_open_way_needs_no_privilege(tmp_path: Path) -> None:
    """Where permission bits let the account pass, it runs the program with nothing but its own rights."""
    assert STRANGER.command(["/bin/true"], [Path("/bin/sh")]) == (
        ["/bin/true"],
        {"user": 54321, "group": 54321, "extra_groups": []},
    )
    assert Owner(uid=54321, gid=54321, lent=False).command(["x"], [tmp_path]) == (["x"], {})


@pytest.mark.parametrize("closed", ["folder", "file"])
def test_without_a_way_past_the_error_names_the_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: str
) -> None:
    """A closed folder or an unreadable file on the way is named, with what can be done."""
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(0o711)
    inner = tmp_path / "inner"
    inner.mkdir(mode=0o755)
    (inner / "file").touch(mode=0o644)
    obstacle = inner if closed == "folder" else inner / "file"
    obstacle.chmod(0o700)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedServerError, match=rf"cannot reach {obstacle}: .*chmod"):
        STRANGER.command(["/bin/true"], [inner / "file"])


def test_a_closed_program_below_a_closed_folder_needs_the_stronger_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An environment installed with a umask of 077 below root's home: traversing alone would not run the program."""
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    (tmp_path / "closed").mkdir(mode=0o700)
    program = tmp_path / "closed" / "program"
    program.touch(mode=0o700)
    argv, options = STRANGER.command([str(program)], [program])
    assert argv[0] == "/usr/bin/setpriv"
    assert {"--reuid=54321", "--regid=54321", "--clear-groups", "--ambient-caps=-all,+dac_override"} <= set(argv)
    assert argv[-1] == str(program)
    assert options == {}


def as_nobody(action: Callable[[], None]) -> None:
    """Run the action in a forked child of the account nobody and expect it to pass."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(NOBODY.pw_gid)
            os.setuid(NOBODY.pw_uid)
            action()
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


if AS_ROOT:

    def test_root_lends_its_folder_to_an_unprivileged_account(place: Path) -> None:
        """The server of a folder that root makes does not run as root, and the folder is that account's."""
        folder = place / "db"
        place.chmod(0o755)
        with start(folder, durable=False) as server:
            uid = server_uid(folder)
            assert uid != 0
            assert scalar(server.url, "SELECT 1") == 1
            status = Path(f"/proc/{server_pid(folder)}/status").read_text()
            assert "CapEff:\t0000000000000000" in status
        assert {path.lstat().st_uid for path in (folder, *folder.rglob("*"))} == {uid}
        assert owner_of(folder).uid == uid

    def test_root_below_a_closed_folder(place: Path) -> None:
        """A folder below root's closed home works: the account passes closed folders but cannot write there."""
        closed = place / "home"
        closed.mkdir(mode=0o700)
        folder = closed / "db"
        with start(folder, durable=False) as server:
            assert server_uid(folder) != 0
            assert scalar(server.url, "SELECT 1") == 1
            lines = Path(f"/proc/{server_pid(folder)}/status").read_text().splitlines()
            capabilities = {line[:6]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}
            dac_read_search = 1 << 2
            assert capabilities == dict.fromkeys(capabilities, dac_read_search)
        assert closed.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize(
        ("dropped", "said"),
        [
            ("-dac_read_search", "dac_override"),
            ("-dac_read_search,-dac_override", "root lacks the capabilities dac_override: run as an ordinary user"),
        ],
    )
    def test_root_in_a_container(place: Path, dropped: str, said: str) -> None:
        """With the capabilities that containers usually leave it works; with fewer the error names what lacks."""
        closed = place / "home"
        closed.mkdir(mode=0o700)
        program = (
            "import subprocess, sys; from vibecore.repositories.postgres.embedded import *\n"
            "from tests.embedded.processes import server_pid; from pathlib import Path\n"
            "try:\n"
            "    with start(sys.argv[1], durable=False):\n"
            "        status = Path(f'/proc/{server_pid(Path(sys.argv[1]))}/status').read_text()\n"
            "        assert 'CapEff:\\t0000000000000002' in status, status\n"
            "        print('dac_override')\n"
            "except EmbeddedServerError as error: print(error)"
        )
        ran = subprocess.run(
            ["setpriv", f"--bounding-set={dropped}", sys.executable, "-c", program, str(closed / "db")],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
        )
        assert said in ran.stdout

    def test_root_serves_a_folder_as_its_owner(place: Path) -> None:
        """Root in someone's folder leaves it theirs: they can open it afterwards."""
        place.chmod(0o755)
        folder = place / "db"
        folder.mkdir()
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        with start(folder, durable=False):
            assert server_uid(folder) == NOBODY.pw_uid
        assert {path.lstat().st_uid for path in (folder, *folder.rglob("*"))} == {NOBODY.pw_uid}

        def reopen() -> None:
            with start(folder, durable=False) as server:
                assert scalar(server.url, "SELECT 1") == 1

        as_nobody(reopen)

    def test_root_joins_the_server_of_an_ordinary_user(place: Path) -> None:
        """An ordinary user's server can be used by root meanwhile, and the user's close leaves it to root."""
        place.chmod(0o777)
        folder = place / "db"
        read, write = os.pipe()
        back, done = os.pipe()

        def hold() -> None:
            with start(folder, durable=False) as server:
                assert server_uid(folder) == NOBODY.pw_uid
                assert scalar(server.url, "SELECT 1") == 1
                os.write(write, b"x")
                os.read(back, 1)
            assert server_uid(folder) == NOBODY.pw_uid

        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                as_nobody(hold)
                status = 0
            finally:
                os._exit(status)
        os.close(write)
        assert os.read(read, 1) == b"x"
        with start(folder) as server:
            os.write(done, b"x")
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
            assert scalar(server.url, "SELECT 1") == 1
        assert not (folder / "data" / "postmaster.pid").exists()
        for fd in (read, back, done):
            os.close(fd)

    def test_an_ordinary_user_cannot_use_the_folder_of_another(place: Path) -> None:
        """A foreign folder is refused with its owner's name, whether it can be looked into or not."""
        place.chmod(0o755)
        (place / "open").mkdir(mode=0o755)
        (place / "closed").mkdir(mode=0o700)

        def try_both() -> None:
            with pytest.raises(FolderRefused, match="belongs to root"):
                start(place / "open")
            with pytest.raises(FolderRefused, match=r"cannot be used: .*Permission denied"):
                start(place / "closed")

        as_nobody(try_both)

    def test_root_does_not_clean_up_behind_a_symbolic_link(place: Path) -> None:
        """The owner of a folder cannot make root work in a place of the owner's choice."""
        place.chmod(0o755)
        folder = place / "db"
        precious = place / "precious"
        precious.mkdir()
        (precious / "1-00000000").touch()
        folder.mkdir()
        (folder / "vibecore.lock").touch()
        (folder / "users").symlink_to(precious)
        os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
        with pytest.raises(FolderRefused, match="users is a symbolic link"):
            start(folder)
        assert (precious / "1-00000000").exists()
else:

    def test_an_ordinary_user_runs_the_server_as_themselves(place: Path) -> None:
        """No account is switched and nothing is handed over."""
        with start(place / "db", durable=False):
            assert server_uid(place / "db") == os.geteuid()
