"""Trees of files: the calls of `vibecore.repositories.files` over a folder and over all below it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.errors import AlreadyExists, InvalidCursor, MissingReference
from vibecore.domain.files import FILES, FileType
from vibecore.domain.ids import derived_id
from vibecore.domain.projects import PROJECTS
from vibecore.domain.tests import TEST_RESULTS
from vibecore.domain.totals import FileEntry, FileTotals
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import changed, make
from vibecore.testing.contract.expect import invalid, refused, taken
from vibecore.testing.contract.files import NOBODY, TICK, TREE, stamp, tree
from vibecore.testing.effects import FixedClock

SALT: Final = UUID(int=7)
DAY: Final = timedelta(days=1)


@pytest.mark.parametrize("path", [None, "a", "a/b", "A", "nothing", "", "%"])
def test_totals_of_a_subtree(store: Store, path: str | None) -> None:
    """The entry and all below it, of this project alone; folders count as folders, and their lines not at all."""
    with store.begin() as tx:
        files = tree(tx)
        project = files["a"].project_id
        for number, each in enumerate(("a", "a/b", "A")):
            tx.files.update(changed(files[each], type=FileType.FOLDER, line_count=50 + number))
        for number, each in enumerate(("a/b/c", "a/é", "A/b", "a0")):
            tx.files.update(changed(files[each], line_count=2**number))
        make(tx, FILES, path="a/other", line_count=1000)
        within = [each for each in TREE if path is None or each == path or each.startswith(f"{path}/")]
        found = [tx.files.get(project, files[each].id) for each in within]
        lines = [file.line_count for file in found if file.type is FileType.FILE]
        expected = FileTotals(file_count=len(lines), folder_count=len(found) - len(lines), total_lines=sum(lines))
        assert tx.files.totals(project, path) == expected


def test_a_folder_holds_its_children(store: Store) -> None:
    """Not what is below them; by name in code point order, then by id, without contents, of this project alone."""
    with store.begin() as tx:
        folder = make(tx, FILES, path="f", type=FileType.FOLDER, name="f")
        project = folder.project_id
        names = ["b", "a", "é", "A", "_", "a"]
        held = [
            make(tx, FILES, project_id=project, parent_id=folder.id, name=name, path=f"f/{place}", content="text")
            for place, name in enumerate(names)
        ]
        make(tx, FILES, project_id=project, parent_id=held[0].id, path="f/0/deep", name="deep")
        make(tx, FILES, parent_id=folder.id, path="f/foreign", name="foreign")
        expected = sorted(held, key=lambda file: (file.name, file.id.int))
        fields = FileEntry.__dataclass_fields__
        entries = tuple(FileEntry(**{name: getattr(file, name) for name in fields}) for file in expected)
        assert tx.files.children(project, "f").items == entries
        found: list[FileEntry] = []
        cursor = None
        while True:
            page = tx.files.children(project, "f", limit=2, cursor=cursor)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        assert tuple(found) == entries
        assert [entry.name for entry in tx.files.children(project, None).items] == ["f"]
        assert tx.files.children(project, "f", limit=0).items == ()
        for nowhere in ("f/1", "nothing", "", "f/"):
            assert tx.files.children(project, nowhere).items == ()
        assert tx.files.children(NOBODY, "f").items == ()


def test_a_cursor_of_children_belongs_to_their_folder(store: Store) -> None:
    """InvalidCursor for that of another folder, another project or another listing; wrong arguments are named."""
    with store.begin() as tx:
        folder = make(tx, FILES, path="f", type=FileType.FOLDER, name="f")
        project = folder.project_id
        for name in ("a", "b"):
            make(tx, FILES, project_id=project, parent_id=folder.id, name=name, path=f"f/{name}")
        cursor = tx.files.children(project, "f", limit=1).next_cursor
        assert cursor is not None
        for call in (
            lambda: tx.files.children(project, None, cursor=cursor),
            lambda: tx.files.children(NOBODY, "f", cursor=cursor),
            lambda: tx.files.page(project, order_by="name", cursor=cursor),
            lambda: tx.files.children(project, "f", cursor="x"),
        ):
            with pytest.raises(InvalidCursor):
                call()
        for name, wrong in (("path", 1), ("path", "\0")):
            with invalid(name):
                tx.files.children(project, wrong)  # type: ignore[arg-type]  # what callers without a checker do
        with invalid("limit"):
            tx.files.children(project, "f", limit=1001)
        assert len(tx.files.children(project, "f", cursor=cursor).items) == 1


def test_paths_that_differ_by_case(store: Store) -> None:
    """Those in use that canonical caseless matching takes for one of the given; the given ones themselves are none."""
    with store.begin() as tx:
        paths = ["src", "SRC", "Src/A", "straße", "STRASSE/x", "K", "\u212a", "É", "é/ü", "other"]
        project = tree(tx, paths)["src"].project_id
        make(tx, FILES, path="sRC")
        for given, twins in (
            (["src"], ["SRC"]),
            (["sRc", "src"], ["SRC"]),
            (["src/a"], ["Src/A"]),
            (["strasse"], ["straße"]),
            (["Straße/X"], ["STRASSE/x"]),
            (["k"], ["K", "\u212a"]),
            (["e\u0301"], ["É"]),
            (["É/Ü"], ["é/ü"]),
            (["nothing"], []),
            ([], []),
        ):
            assert list(tx.files.case_twins(project, given)) == twins
        assert list(tx.files.case_twins(NOBODY, ["src"])) == []
        with invalid("path"):
            tx.files.case_twins(project, "src")


@pytest.mark.parametrize(
    ("source", "target"),
    [("a", "z"), ("a/b", "b/x"), ("a/b/c/d", "d"), ("a", "deep/er"), ("A", "é"), ("a", "a/copy"), ("b", "x" * 250)],
)
def test_a_copy_takes_the_whole_subtree(store: Store, clock: FixedClock, source: str, target: str) -> None:
    """New rows with derived ids and the unit's time, whose parents are the copies of the parents; the old ones stay."""
    with store.begin() as tx:
        files = tree(tx)
        project, parent = files["a"].project_id, files["ab"].id
        chained = tx.files.update(changed(files["a/b/c"], parent_id=files["a/b"].id, content="text", metadata={"k": 1}))
        chained = tx.files.update(changed(chained, line_count=3))
        files["a/b/c"] = chained
        copied = [path for path in TREE if path == source or path.startswith(source + "/")]
        if "a/b/c" in copied and "a/b" not in copied:
            files["a/b/c"] = tx.files.update(changed(chained, parent_id=None))
        before = {path: tx.files.get(project, file.id) for path, file in files.items()}
        assert tx.files.copy_subtree(project, source, target, parent, SALT) == len(copied)
        for path, file in before.items():
            assert tx.files.get(project, file.id) == file
            if path not in copied:
                continue
            above = None if file.parent_id is None else derived_id(SALT, file.parent_id)
            expected = changed(
                file,
                id=derived_id(SALT, file.id),
                path=target + path.removeprefix(source),
                parent_id=above,
                created_at=clock(),
                updated_at=clock(),
            )
            if path == source:
                expected = changed(expected, name=target.rpartition("/")[2], parent_id=parent)
            assert tx.files.get(project, expected.id) == expected
        assert tx.files.count(project) == len(TREE) + len(copied)


def test_a_copy_of_nothing_copies_nothing(store: Store) -> None:
    """0 where nothing stands at the source, whatever stands at the target or below the source."""
    with store.begin() as tx:
        files = tree(tx, ["x/y", "b"])
        project = files["b"].project_id
        assert tx.files.copy_subtree(project, "nothing", "b", None, SALT) == 0
        assert tx.files.copy_subtree(project, "x", "z", None, SALT) == 0
        assert tx.files.copy_subtree(NOBODY, "b", "c", None, SALT) == 0
        assert tx.files.count(project) == 2


def test_a_copy_to_a_taken_path_or_with_a_used_salt_is_refused(store: Store) -> None:
    """AlreadyExists for the path or, first, for the id; nothing is copied."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/c", "b", "z/c"])
        project = files["a"].project_id
        for target in ("a", "b", "z"):
            with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
                tx.files.copy_subtree(project, "a", target, None, SALT)
        assert tx.files.stamps(project) == {path: stamp(file) for path, file in files.items()}
        assert tx.files.copy_subtree(project, "a", "y", None, SALT) == 2
        for target in ("y", "x"):
            with refused(taken(FILES, FILES.primary)), tx.savepoint():
                tx.files.copy_subtree(project, "a", target, None, SALT)


def test_a_copy_needs_parents_that_exist(store: Store) -> None:
    """MissingReference for the given one, and for the copy of a parent that lies outside; nothing is copied."""
    with store.begin() as tx:
        files = tree(tx, ["a", "a/b", "p"])
        project = files["a"].project_id
        with pytest.raises(MissingReference), tx.savepoint():
            tx.files.copy_subtree(project, "a", "c", NOBODY, SALT)
        tx.files.update(changed(files["a/b"], parent_id=files["p"].id))
        with pytest.raises(MissingReference) as caught, tx.savepoint():
            tx.files.copy_subtree(project, "a", "c", None, SALT)
        assert caught.value.field == "parent_id"
        with pytest.raises(AlreadyExists), tx.savepoint():
            tx.files.copy_subtree(project, "a", "p", NOBODY, SALT)
        assert tx.files.count(project) == 3


@pytest.mark.parametrize(("below", "target"), [("x" * 995, "y" * 5), ("😀" * 640, "y" * 100), ("x" * 900, "😀" * 200)])
def test_a_copy_that_makes_a_path_too_long_is_refused(store: Store, below: str, target: str) -> None:
    """InvalidValue for the path, in characters or bytes, before anything is written; the unit of work goes on."""
    with store.begin() as tx:
        project = tree(tx, ["a", f"a/{below}"])["a"].project_id
        with invalid("path"):
            tx.files.copy_subtree(project, "a", target, None, SALT)
        assert tx.files.count(project) == 2


@pytest.mark.parametrize(
    ("source", "target", "parent", "salt", "name"),
    [
        (1, "b", None, SALT, "path"),
        ("a", "", None, SALT, "path"),
        ("a", "x" * 1001, None, SALT, "path"),
        ("a", "b/" + "x" * 256, None, SALT, "name"),
        ("a", "b", "x", SALT, "parent_id"),
        ("a", "b", None, "x", "salt"),
        ("a", "b", None, None, "salt"),
    ],
)
def test_a_copy_checks_its_arguments(store: Store, source: Any, target: Any, parent: Any, salt: Any, name: str) -> None:
    """InvalidValue names what is wrong, and the unit of work goes on."""
    with store.begin() as tx:
        project = tree(tx, ["a"])["a"].project_id
        with invalid(name):
            tx.files.copy_subtree(project, source, target, parent, salt)
        assert tx.files.count(project) == 1


def test_test_results_follow_a_move(store: Store, clock: FixedClock) -> None:
    """Those of the source and of all below it; the number is returned, the rows are newer, too long is refused."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        results = {path: make(tx, TEST_RESULTS, project_id=project, file_path=path) for path in TREE}
        ahead = make(tx, TEST_RESULTS, project_id=project, file_path="a/b", updated_at=clock() + DAY)
        moved = [path for path in TREE if path == "a" or path.startswith("a/")]
        with invalid("file_path"):
            tx.tests.move_paths(project, "a", "y" * 999)
        assert tx.tests.move_paths(project, "a", "z/y") == len(moved) + 1
        for path, result in results.items():
            expected = changed(result, file_path="z/y" + path[1:], updated_at=clock()) if path in moved else result
            assert tx.tests.get(project, result.id) == expected
        assert tx.tests.get(project, ahead.id).updated_at == ahead.updated_at + TICK
        assert tx.tests.move_paths(NOBODY, "b", "x") == 0
