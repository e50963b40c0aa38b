"""Files: `vibecore.repositories.files`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.errors import MissingReference
from vibecore.domain.files import FILES, File, FileType
from vibecore.domain.projects import PROJECTS
from vibecore.domain.totals import FileStamp, FileTotals
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import MOMENT, changed, make
from vibecore.testing.contract.expect import invalid, refused, taken
from vibecore.testing.effects import FixedClock

DAY: Final = timedelta(days=1)
TICK: Final = timedelta(microseconds=1)
NOBODY: Final = UUID(int=404)


TREE: Final = ("a", "a/b", "a/b/c", "a/b/c/d", "a-b", "a.txt", "a0", "a/é", "ab", "b", "A", "A/b")
"""Paths that sort around `a/`, so that a range that is off by one takes too much."""


def tree(tx: UnitOfWork, paths: Sequence[str] = TREE) -> dict[str, File]:
    """Files at these paths of one project, each of another age."""
    project = make(tx, PROJECTS)
    return {
        path: make(
            tx,
            FILES,
            project_id=project.id,
            path=path,
            name=path.rpartition("/")[2][-255:],
            updated_at=MOMENT - TICK * i,
        )
        for i, path in enumerate(paths)
    }


def stamp(file: File) -> FileStamp:
    return FileStamp(
        id=file.id,
        path=file.path,
        type=file.type,
        digest=file.digest,
        size_bytes=file.size_bytes,
        line_count=file.line_count,
        updated_at=file.updated_at,
    )


def test_files_are_found_by_their_path(store: Store) -> None:
    """By exactly this path in this project."""
    with store.begin() as tx:
        files = tree(tx)
        project = files["a"].project_id
        for path, file in files.items():
            assert tx.files.find_path(project, path) == file
            assert tx.files.find_path(NOBODY, path) is None
        for path in ("", "/a", "a/", "a//b", "B", "a/B", "%", "a_b"):
            assert tx.files.find_path(project, path) is None


def test_stamps_tell_what_stands_at_paths(store: Store) -> None:
    """Without contents, by path; all of the project where no paths are given."""
    with store.begin() as tx:
        files = tree(tx)
        make(tx, FILES, path="a")
        project = files["a"].project_id
        assert tx.files.stamps(project) == {path: stamp(file) for path, file in files.items()}
        wanted = ["a/b", "nothing", "a/b", "A"]
        assert tx.files.stamps(project, wanted) == {path: stamp(files[path]) for path in ("a/b", "A")}
        assert list(tx.files.stamps(project)) == sorted(files)
        assert list(tx.files.stamps(project, ["a/b", "A"])) == ["A", "a/b"]
        assert tx.files.stamps(project, []) == {}
        assert tx.files.stamps(NOBODY) == {}
        assert tx.files.stamps(project, [f"p{number}" for number in range(70_000)]) == {}
        for wrong in ("a", [1], ["a", "\0"], 1):
            with invalid("path"):
                tx.files.stamps(project, wrong)  # type: ignore[arg-type]  # what callers without a checker do


@pytest.mark.parametrize("folder", ["a", "a/b", "A", "b", "nothing", "", "a/", "%", "_"])
def test_a_subtree_is_an_entry_and_all_below_it(store: Store, folder: str) -> None:
    """Ordered by path, without contents; neighbours with similar names are not in it."""
    with store.begin() as tx:
        files = tree(tx)
        expected = sorted(path for path in TREE if path == folder or path.startswith(folder + "/"))
        found = tx.files.subtree(files["a"].project_id, folder)
        assert list(found) == [stamp(files[path]) for path in expected]
        assert list(tx.files.subtree(NOBODY, folder)) == []


def test_totals_count_files_not_folders(store: Store) -> None:
    """Of this project alone."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        for lines, kind in ((3, FileType.FILE), (4, FileType.FILE), (100, FileType.FOLDER)):
            make(tx, FILES, project_id=project.id, line_count=lines, type=kind)
        make(tx, FILES, line_count=50)
        assert tx.files.totals(project.id) == FileTotals(file_count=2, folder_count=1, total_lines=7)
        assert tx.files.totals(NOBODY) == FileTotals(file_count=0, folder_count=0, total_lines=0)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("a", "z"),
        ("a/b", "b/x"),
        ("a/b/c/d", "d"),
        ("a", "deep/er"),
        ("A", "é"),
        ("a", "a-c"),
        ("b", "B"),
        ("a", "x" * 250),
    ],
)
def test_a_move_takes_the_whole_subtree(store: Store, clock: FixedClock, source: str, target: str) -> None:
    """The entry gets its new path, name and parent, all below it the paths that follow; nothing else changes."""
    with store.begin() as tx:
        files = tree(tx)
        project, parent = files["a"].project_id, files["ab"].id
        moved = [path for path in TREE if path == source or path.startswith(source + "/")]
        assert tx.files.move_subtree(project, source, target, parent) == len(moved)
        for path, file in files.items():
            found = tx.files.get(project, file.id)
            if path not in moved:
                assert found == file
                continue
            expected = changed(file, path=target + path.removeprefix(source), updated_at=clock())
            if path == source:
                expected = changed(expected, name=target.rpartition("/")[2], parent_id=parent)
            assert found == expected


def test_a_move_ages_each_row_on_its_own(store: Store, clock: FixedClock) -> None:
    """max(tx.now, the old `updated_at` + 1 µs), row by row."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/b"])
        project = files["a"].project_id
        ahead = make(tx, FILES, project_id=project, path="a/c", updated_at=clock() + DAY)
        assert tx.files.move_subtree(project, "a", "b", None) == 3
        assert tx.files.get(project, files["a/b"].id).updated_at == clock()
        assert tx.files.get(project, ahead.id).updated_at == ahead.updated_at + TICK


def test_a_move_of_nothing_moves_nothing(store: Store) -> None:
    """0 where nothing stands at the source, whatever stands at the target or below the source."""
    with store.begin() as tx:
        files = tree(tx, ["x/y", "b"])
        project = files["b"].project_id
        assert tx.files.move_subtree(project, "nothing", "b", None) == 0
        assert tx.files.move_subtree(NOBODY, "b", "c", None) == 0
        assert tx.files.get(project, files["b"].id) == files["b"]


def test_a_move_to_its_own_place_keeps_the_paths(store: Store) -> None:
    """It is a move all the same: the rows are newer afterwards."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/b"])
        project = files["a"].project_id
        assert tx.files.move_subtree(project, "a", "a", None) == 2
        assert tx.files.stamps(project).keys() == files.keys()
        assert tx.files.get(project, files["a"].id).updated_at == tx.now


@pytest.mark.parametrize("target", ["b", "b/c", "a/b"])
def test_a_move_to_a_taken_path_is_refused(store: Store, target: str) -> None:
    """AlreadyExists where any of the new paths is another row's; nothing is moved."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/c", "a/b", "b", "b/c", "z/c"])
        project = files["a"].project_id
        with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
            tx.files.move_subtree(project, "a", target, None)
        with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
            tx.files.move_subtree(project, "a", "z", None)
        assert tx.files.stamps(project) == {path: stamp(file) for path, file in files.items()}


@pytest.mark.parametrize(
    ("below", "target"),
    [("x" * 995, "y" * 5), ("😀" * 640, "y" * 100), ("x" * 900, "😀" * 200), ("é" * 990, "y" * 250)],
)
def test_a_move_that_makes_a_path_too_long_is_refused(store: Store, below: str, target: str) -> None:
    """InvalidValue for the path, in characters or bytes, before anything is written; the unit of work goes on."""
    with store.begin() as tx:
        files = tree(tx, ["a", f"a/{below}"])
        project = files["a"].project_id
        with invalid("path"):
            tx.files.move_subtree(project, "a", target, None)
        assert tx.files.stamps(project) == {path: stamp(file) for path, file in files.items()}


def test_a_move_needs_a_parent_that_exists(store: Store) -> None:
    """MissingReference otherwise, and nothing is moved."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/b"])
        project = files["a"].project_id
        with pytest.raises(MissingReference) as caught, tx.savepoint():
            tx.files.move_subtree(project, "a", "c", NOBODY)
        assert caught.value.field == "parent_id"
        assert tx.files.stamps(project).keys() == files.keys()


@pytest.mark.parametrize(
    ("source", "target", "parent", "name"),
    [
        (1, "b", None, "path"),
        ("\0", "b", None, "path"),
        ("a", "", None, "path"),
        ("a", "\ud800", None, "path"),
        ("a", "x" * 1001, None, "path"),
        ("a", None, None, "path"),
        ("a", "b/" + "x" * 256, None, "name"),
        ("a", "b/", None, "name"),
        ("a", "b", "x", "parent_id"),
    ],
)
def test_a_move_checks_its_arguments(store: Store, source: Any, target: Any, parent: Any, name: str) -> None:
    """InvalidValue names what is wrong, and the unit of work goes on."""
    with store.begin() as tx:
        files = tree(tx, ["a"])
        with invalid(name):
            tx.files.move_subtree(files["a"].project_id, source, target, parent)
        with invalid("project_id"):
            tx.files.move_subtree(None, "a", "b", None)  # type: ignore[arg-type]  # what callers without a checker do
        assert tx.files.get(files["a"].project_id, files["a"].id) == files["a"]
