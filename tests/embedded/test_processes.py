"""One server for many processes: who starts it, who stops it, and what a kill -9 leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import traceback
from pathlib import Path

import pytest

from tests.embedded.processes import UserProcess, alive, assert_stopped, eventually, run, scalar, server_pid
from vibecore.repositories.postgres.embedded import EmbeddedServerError, start
from vibecore.repositories.postgres.embedded.binaries import installation
from vibecore.repositories.postgres.embedded.folder import open_folder
from vibecore.repositories.postgres.embedded.postmaster import is_server


def entries(folder: Path) -> set[int]:
    return {int(path.name.partition("-")[0]) for path in (folder / "users").iterdir()}


def test_eight_processes_at_once_share_one_server(place: Path) -> None:
    """A new folder opened by eight processes in the same moment is made once, and stopped by the last to close."""
    folder = place / "db"
    users = [UserProcess(folder) for _ in range(8)]
    try:
        for user in users:
            user.ask("open")
        urls = {user.answer() for user in users}
        assert len(urls) == 1
        pid = server_pid(folder)
        assert entries(folder) == {user.pid for user in users}
        log = (folder / "server.log").read_text()
        assert log.count("starting PostgreSQL") == 1
        for user in users[:-1]:
            user.close()
        assert alive(pid)
        assert scalar(urls.pop(), "SELECT 1") == 1
        users[-1].close()
        assert_stopped(folder, pid)
        assert entries(folder) == set()
    finally:
        for user in users:
            user.__exit__()


def test_a_killed_user_does_not_disturb_the_others(place: Path) -> None:
    """After kill -9 of the process that started it the server goes on, and stops when the other one closes."""
    folder = place / "db"
    with UserProcess(folder) as starter, UserProcess(folder) as other:
        starter.open()
        url = other.open()
        pid = server_pid(folder)
        starter.kill()
        assert scalar(url, "SELECT 1") == 1
        with start(folder):
            assert entries(folder) == {other.pid, os.getpid()}
        assert alive(pid)
        other.close()
        assert_stopped(folder, pid)


def test_a_server_left_alone_is_adopted(place: Path) -> None:
    """After kill -9 of its only user the server stays; the next opener uses it and stops it when it closes."""
    folder = place / "db"
    with UserProcess(folder) as user:
        run(user.open(), "CREATE TABLE kept AS SELECT 7 AS x")
        pid = server_pid(folder)
        user.kill()
        assert alive(pid)
        assert entries(folder) == {user.pid}
    with start(folder) as server:
        assert server_pid(folder) == pid
        assert entries(folder) == {os.getpid()}
        assert scalar(server.url, "SELECT x FROM kept") == 7
    assert_stopped(folder, pid)
    assert entries(folder) == set()


def test_ending_without_close_is_closing(place: Path) -> None:
    """A process that just ends stops the server, and gives up all of its uses at once."""
    folder = place / "db"
    with UserProcess(folder) as user:
        user.open()
        user.open()
        pid = server_pid(folder)
        user.leave()
        assert_stopped(folder, pid)
    assert entries(folder) == set()


def open_and_end(folder: Path) -> None:
    start(folder, durable=False)


def test_a_child_of_multiprocessing_that_ends_stops_the_server(place: Path) -> None:
    """Such children end without running exit handlers; the use ends all the same."""
    folder = place / "db"
    child = multiprocessing.get_context("spawn").Process(target=open_and_end, args=(folder,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert entries(folder) == set()
    assert not (folder / "data" / "postmaster.pid").exists()


def in_fork(action: object) -> int:
    """Run the callable in a forked child that then ends at once; its exit status."""
    assert callable(action)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            action()
            status = 0
        finally:
            # The child must never run on into the rest of the tests.
            if status:
                traceback.print_exc()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_is_no_user_until_it_starts(place: Path) -> None:
    """Closing an inherited handle does nothing, the child's own use counts, and the parent's lock is not inherited."""
    folder = place / "db"
    inherited = start(folder, durable=False)
    pid = server_pid(folder)
    assert in_fork(inherited.close) == 0
    assert alive(pid)

    def use_in_child() -> None:
        with start(folder) as own:
            assert entries(folder) == {os.getpid(), os.getppid()}
            assert scalar(own.url, "SELECT 1") == 1

    assert in_fork(use_in_child) == 0
    assert alive(pid)
    leave, stay = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(stay)
        os.read(leave, 1)
        os._exit(0)
    os.close(leave)
    inherited.close()
    assert_stopped(folder, pid)
    os.close(stay)
    os.waitpid(child, 0)


def test_a_reused_process_id_does_not_keep_the_server(place: Path) -> None:
    """An entry under the id of a living process that does not hold it counts for nothing."""
    folder = place / "db"
    with UserProcess(place / "other") as bystander:
        server = start(folder, durable=False)
        pid = server_pid(folder)
        (folder / "users" / f"{bystander.pid}-00000000").touch()
        server.close()
        assert_stopped(folder, pid)
        assert entries(folder) == set()


@pytest.mark.parametrize("while_open", [True, False])
def test_a_killed_server_recovers(place: Path, while_open: bool) -> None:
    """After kill -9 of the server the next start finds what was committed, also in a process that had it open."""
    folder = place / "db"
    first = start(folder)
    run(first.url, "CREATE TABLE kept AS SELECT 1 AS x")
    pid = server_pid(folder)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not alive(pid))
    assert (folder / "data" / "postmaster.pid").exists()
    if not while_open:
        first.close()
    with start(folder) as server:
        assert server_pid(folder) != pid
        assert scalar(server.url, "SELECT x FROM kept") == 1
        run(server.url, "INSERT INTO kept VALUES (2)")
    assert alive(server_pid(folder)) if while_open else not (folder / "data" / "postmaster.pid").exists()
    first.close()
    assert not (folder / "data" / "postmaster.pid").exists()


def test_a_stale_pid_file_with_a_reused_id_is_no_obstacle(place: Path) -> None:
    """After a reboot the recorded id may be another process of the same account; PostgreSQL alone would refuse."""
    folder = place / "db"
    start(folder, durable=False).close()
    owner = open_folder(folder).owner
    stale = folder / "data" / "postmaster.pid"
    argv, options = owner.command(["/bin/sleep", "60"], [])
    with subprocess.Popen(argv, **options) as sleeper:
        stale.write_text(f"{sleeper.pid}\n{folder}/data\n1\n5432\n{folder}/run\n\n\nready\n")
        owner.own(stale)
        with start(folder, durable=False) as server:
            assert scalar(server.url, "SELECT 1") == 1
            assert server_pid(folder) != sleeper.pid
        assert sleeper.poll() is None
        sleeper.kill()


def test_a_server_of_someone_else_on_the_data_is_respected(place: Path) -> None:
    """A server started by hand on the data is neither joined by a second one nor stopped."""
    folder = place / "db"
    start(folder, durable=False).close()
    opened = open_folder(folder)
    programs = installation(18)
    data = folder / "data"
    by_hand = [str(programs.program("postgres")), "-D", str(data), "-h", "", "-k", str(folder / "run")]
    argv, options = opened.owner.command(by_hand, (*programs.needed, data))
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options) as process:
        eventually(lambda: (data / "postmaster.pid").exists() and "ready" in (data / "postmaster.pid").read_text())
        with pytest.raises(EmbeddedServerError, match=f"stop process {process.pid}"):
            start(folder)
        assert process.poll() is None
        assert is_server(process.pid, data)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    start(folder, durable=False).close()


def test_a_set_up_that_was_killed_is_begun_anew(place: Path) -> None:
    """kill -9 in the middle of making the data leaves nothing that the next start takes for complete."""
    folder = place / "db"
    with UserProcess(folder) as user:
        user.ask("open")
        eventually(lambda: any(folder.glob("init-*/base")))
        user.kill()
    assert not (folder / "data").exists()
    with start(folder, durable=False) as server:
        assert scalar(server.url, "SELECT 1") == 1
        assert not list(folder.glob("init-*"))


def test_a_start_that_was_killed_leaves_a_usable_server(place: Path) -> None:
    """kill -9 between launching the server and its readiness is no worse than one later."""
    folder = place / "db"
    start(folder, durable=False).close()
    with UserProcess(folder) as user:
        user.ask("open")
        eventually(lambda: (folder / "data" / "postmaster.pid").exists())
        user.kill()
    with start(folder, durable=False) as server:
        assert scalar(server.url, "SELECT 1") == 1
        pid = server_pid(folder)
    assert_stopped(folder, pid)


def test_opening_while_the_server_goes_down(place: Path) -> None:
    """A server on its way down is waited for, then started again."""
    folder = place / "db"
    with UserProcess(folder) as user:
        user.open()
        user.kill()
    old = server_pid(folder)
    os.kill(old, signal.SIGINT)
    pid_file = folder / "data" / "postmaster.pid"
    eventually(lambda: not pid_file.exists() or "ready" not in pid_file.read_text())
    with start(folder, durable=False) as server:
        assert scalar(server.url, "SELECT 1") == 1


def test_a_folder_moved_under_its_server(place: Path) -> None:
    """Closing a use of a folder that is gone is no error; from its new place the server is started anew."""
    folder, moved = place / "db", place / "moved"
    first = start(folder)
    run(first.url, "CREATE TABLE kept AS SELECT 5 AS x")
    pid = server_pid(folder)
    with UserProcess(folder) as other:
        other.open()
        folder.rename(moved)
        first.close()
        with pytest.raises(EmbeddedServerError, match=f"opened by processes {other.pid}"):
            start(moved)
        assert alive(pid)
        other.kill()
    with start(moved, durable=False) as server:
        eventually(lambda: not alive(pid))
        assert scalar(server.url, "SELECT x FROM kept") == 5
    with start(folder, durable=False) as server:
        assert scalar(server.url, "SELECT to_regclass('kept')") is None


def test_a_folder_replaced_under_its_uses(place: Path) -> None:
    """Uses of a folder that is gone and uses of its successor are counted together; the last one stops the server."""
    folder = place / "db"
    old = [start(folder, durable=False), start(folder)]
    os.kill(server_pid(folder), signal.SIGKILL)
    folder.rename(place / "gone")
    old[0].close()
    with start(folder, durable=False) as server:
        pid = server_pid(folder)
        assert entries(folder) == {os.getpid()}
        old[1].close()
        assert scalar(server.url, "SELECT 1") == 1
    assert_stopped(folder, pid)
    assert entries(folder) == set()
