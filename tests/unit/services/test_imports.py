from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.workbench import Bench
from vibecore.domain.errors import InvalidValue, NotFound, PermissionDenied, ReadOnlyProject
from vibecore.domain.files import FileType
from vibecore.domain.tests import TestType
from vibecore.services import imports
from vibecore.services.imports import ImportProgress, ImportReport


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    lay(
        root,
        {
            "main.py": "import os\n\nprint(1)\n",
            "src/app.py": "x = 1\n",
            "src/deep/notes.md": "# Notes",
            "src/logo.png": b"\x89PNG\r\n\x1a\n\0\0",
            "latin.txt": b"caf\xe9\n",
        },
    )
    (root / "empty").mkdir()
    return root


def lay(root: Path, files: Mapping[str, str | bytes]) -> None:
    for path, content in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)


def load(bench: Bench, root: Path, **options: Any) -> ImportReport:
    return bench.files.import_tree(bench.owner, bench.id, root, **options)


def paths(bench: Bench) -> list[str]:
    return [stamp.path for stamp in bench.files.tree(bench.owner, bench.id)]


def test_a_folder_is_imported_whole(bench: Bench, tree: Path) -> None:
    report = load(bench, tree)
    assert (report.created, report.updated, report.unchanged, report.deleted, report.folders) == (5, 0, 0, 0, 3)
    assert report.lines == 5
    assert report.bytes == sum(place.stat().st_size for place in tree.rglob("*") if place.is_file())
    assert report.languages["Python"] == 2
    assert list(report.languages.values()) == sorted(report.languages.values(), reverse=True)
    assert report.skipped == ()
    assert paths(bench) == [
        "empty",
        "latin.txt",
        "main.py",
        "src",
        "src/app.py",
        "src/deep",
        "src/deep/notes.md",
        "src/logo.png",
    ]
    assert bench.counters() == bench.recount() == (5, 5)


def test_imported_files_are_what_written_ones_are(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    app = bench.files.read(bench.owner, bench.id, "src/app.py")
    assert (app.content, app.language, app.line_count, app.name) == ("x = 1\n", "Python", 1, "app.py")
    assert app.parent_id == bench.files.read(bench.owner, bench.id, "src").id
    before = bench.trail_names()
    assert bench.files.write(bench.owner, bench.id, "src/app.py", "x = 1\n") == app
    assert bench.trail_names() == before


def test_binary_and_undecodable_files_are_kept_without_content(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    for path in ("src/logo.png", "latin.txt"):
        file = bench.files.read(bench.owner, bench.id, path)
        data = (tree / path).read_bytes()
        assert (file.content, file.size_bytes, file.digest) == (None, len(data), sha256(data).hexdigest())


def test_importing_again_writes_nothing(bench: Bench, tree: Path) -> None:
    first = load(bench, tree)
    rows = bench.files.page(bench.owner, bench.id).items
    project, trail = bench.project(), bench.trail()
    second = load(bench, tree)
    assert (second.created, second.updated, second.unchanged, second.folders) == (0, 0, 5, 0)
    assert (second.lines, second.bytes, second.languages) == (first.lines, first.bytes, first.languages)
    assert bench.files.page(bench.owner, bench.id).items == rows
    assert (bench.project(), bench.trail()) == (project, trail)


def test_only_what_changed_is_written(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    bench.files.write(bench.owner, bench.id, "src/app.py", "x = 1\n", metadata={"kept": True})
    before = {file.path: file for file in bench.files.page(bench.owner, bench.id).items}
    lay(tree, {"src/app.py": "x = 1\ny = 2\n", "src/new/more.py": "z\n", "src/logo.png": "now text"})
    report = load(bench, tree)
    assert (report.created, report.updated, report.unchanged, report.folders) == (1, 2, 3, 1)
    after = {file.path: file for file in bench.files.page(bench.owner, bench.id).items}
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {"src/app.py", "src/logo.png"}
    assert (after["src/app.py"].id, after["src/app.py"].metadata) == (before["src/app.py"].id, {"kept": True})
    assert after["src/logo.png"].content == "now text"
    assert bench.counters() == bench.recount()


def test_many_changes_are_written_in_portions(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHANGED_FILES", 2)
    monkeypatch.setattr(imports, "CHUNK_FILES", 3)
    lay(tmp_path, {f"d{i % 3}/f{i}.py": f"{i}\n" for i in range(11)})
    load(bench, tmp_path)
    lay(tmp_path, {f"d{i % 3}/f{i}.py": f"{i}\nmore\n" for i in range(11)} | {"d1/f50.py": "", "zz/f51.py": "1"})
    report = load(bench, tmp_path)
    assert (report.created, report.updated, report.unchanged, report.folders) == (2, 11, 0, 1)
    assert bench.counters() == bench.recount() == (13, 23)
    assert bench.files.read(bench.owner, bench.id, "d2/f8.py").content == "8\nmore\n"


def test_what_vanished_stays_unless_it_is_to_go(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    for path in ("src/app.py", "src/deep/notes.md"):
        bench.reviews.record(bench.owner, bench.id, path, score=50)
        bench.tests.record(bench.owner, bench.id, path, test_type=TestType.UNIT, passed=1)
    (tree / "src/deep/notes.md").unlink()
    (tree / "src/deep").rmdir()
    assert load(bench, tree).deleted == 0
    assert "src/deep/notes.md" in paths(bench)
    report = load(bench, tree, delete_missing=True)
    assert (report.deleted, report.created, report.updated, report.unchanged) == (1, 0, 0, 4)
    assert paths(bench) == ["empty", "latin.txt", "main.py", "src", "src/app.py", "src/logo.png"]
    assert [review.file_path for review in bench.reviews.latest(bench.owner, bench.id)] == ["src/app.py"]
    assert [result.file_path for result in bench.tests.page(bench.owner, bench.id).items] == ["src/app.py"]
    assert bench.counters() == bench.recount() == (4, 4)


def test_what_the_walk_skips_never_goes(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    (tree / "src").rename(tree / "other")
    (tree / "src").symlink_to(tree / "other")
    report = load(bench, tree, delete_missing=True)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [("src", "is a symbolic link")]
    assert report.deleted == 0
    assert "src/deep/notes.md" in paths(bench)
    assert "other/deep/notes.md" in paths(bench)


def test_a_file_and_a_folder_of_one_name_do_not_displace_each_other(bench: Bench, tmp_path: Path) -> None:
    lay(tmp_path, {"a/x.py": "1\n", "b": "1\n"})
    load(bench, tmp_path)
    (tmp_path / "a/x.py").unlink()
    (tmp_path / "a").rmdir()
    (tmp_path / "b").unlink()
    lay(tmp_path, {"a": "file now\n", "b/deep/y.py": "2\n"})
    report = load(bench, tmp_path, delete_missing=True)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        ("a", "is a folder in the project"),
        ("b", "is a file in the project"),
    ]
    assert paths(bench) == ["a", "a/x.py", "b"]
    assert (report.created, report.deleted) == (0, 0)
    assert bench.counters() == bench.recount() == (2, 2)


def test_gitignore_is_kept_when_asked(bench: Bench, tmp_path: Path) -> None:
    lay(tmp_path, {".gitignore": "*.log\n", "a.log": "x", "a.py": "x"})
    report = load(bench, tmp_path, gitignore=True)
    assert paths(bench) == [".gitignore", "a.py"]
    assert [(skip.path, skip.reason) for skip in report.skipped] == [("a.log", "is ignored by .gitignore")]
    assert load(bench, tmp_path).created == 1


def test_what_is_excluded_is_neither_imported_nor_deleted(bench: Bench, tmp_path: Path) -> None:
    lay(tmp_path, {"a.log": "x", "a.py": "x"})
    assert load(bench, tmp_path).created == 2
    report = load(bench, tmp_path, exclude=["*.log"], delete_missing=True)
    assert (report.unchanged, report.deleted) == (1, 0)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [("a.log", "is excluded")]
    assert paths(bench) == ["a.log", "a.py"]


def test_progress_grows_to_the_whole(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK_FILES", 4)
    lay(tmp_path, {f"f{i}.py": "12345" for i in range(10)})
    seen: list[ImportProgress] = []
    load(bench, tmp_path, progress=seen.append)
    assert [progress.files for progress in seen] == [4, 8, 10]
    assert seen[-1] == ImportProgress(files=10, bytes=50, path="f9.py")


def test_a_stop_in_the_middle_leaves_nothing(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK_FILES", 2)
    lay(tmp_path, {f"f{i}.py": "1" for i in range(9)})

    class Stop(Exception):
        pass

    def stop(progress: ImportProgress) -> None:
        if progress.files >= 4:
            raise Stop

    with pytest.raises(Stop):
        load(bench, tmp_path, progress=stop)
    assert paths(bench) == []
    assert bench.counters() == (0, 0)
    assert bench.trail() == []


def test_a_collision_starts_the_import_over(bench: Bench, tree: Path) -> None:
    seen: list[int] = []

    def meddle(progress: ImportProgress) -> None:
        seen.append(progress.files)
        if len(seen) == 1:
            bench.files.write(bench.owner, bench.id, "src/app.py", "by somebody else\n")

    report = load(bench, tree, progress=meddle)
    assert seen == [5, 5]
    assert (report.created, report.updated) == (4, 1)
    assert bench.files.read(bench.owner, bench.id, "src/app.py").content == "x = 1\n"
    assert bench.counters() == bench.recount() == (5, 5)
    assert bench.trail_names() == ["file.created", "files.imported"]


def test_one_audit_row_sums_the_import_up(bench: Bench, tree: Path) -> None:
    load(bench, tree)
    (event,) = bench.trail()
    assert (event.action, event.project_id, event.user_id) == ("files.imported", bench.id, bench.owner.user_id)
    assert event.details == {
        "source": "tree",
        "created": 5,
        "updated": 0,
        "unchanged": 0,
        "deleted": 0,
        "folders": 3,
        "skipped": 0,
        "lines": 5,
        "bytes": sum(place.stat().st_size for place in tree.rglob("*") if place.is_file()),
        "others": {str(bench.id): {"file_count": [0, 5], "total_lines": [0, 5]}},
        "rows": {"files": {"inserted": 8}},
    }


def test_a_folder_with_an_undecodable_name_is_imported(bench: Bench, tmp_path: Path) -> None:
    root = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(root)).mkdir()
    lay(Path(os.fsdecode(root)), {"a.py": "1"})
    assert load(bench, Path(os.fsdecode(root))).created == 1
    assert bench.trail()[0].details["source"] == "caf\\xe9"


def test_few_statements_whatever_the_size(bench: Bench, tmp_path: Path) -> None:
    lay(tmp_path, {f"d{i % 7}/f{i}.py": f"{i}" for i in range(300)})
    load(bench, tmp_path)
    assert bench.trips == 4
    lay(tmp_path, {f"d{i % 7}/f{i}.py": f"{i} " for i in range(200)})
    load(bench, tmp_path)
    assert bench.trips == 5


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("source", None),
        ("source", 7),
        ("source", "/no/such/folder"),
        ("source", "\0"),
        ("gitignore", 1),
        ("exclude", "*.log"),
        ("delete_missing", None),
        ("progress", 7),
    ],
)
def test_wrong_arguments_are_named(bench: Bench, tree: Path, name: str, wrong: Any) -> None:
    arguments = {"source": tree} | {name: wrong}
    source = arguments.pop("source")
    with pytest.raises(InvalidValue) as caught:
        bench.files.import_tree(bench.owner, bench.id, source, **arguments)
    assert caught.value.field == name
    assert bench.trail() == []


def test_rights_and_archive(bench: Bench, tree: Path) -> None:
    with pytest.raises(PermissionDenied):
        bench.files.import_tree(bench.viewer, bench.id, tree)
    with pytest.raises(NotFound):
        bench.files.import_tree(bench.stranger, bench.id, tree)
    bench.archive()
    with pytest.raises(ReadOnlyProject):
        load(bench, tree)


NAMES = st.sampled_from(["a", "b", "c.py"])
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.sampled_from(["", "1", "1\n2\n", "x\0"]), max_size=8
).map(lambda tree: {path: content for path, content in tree.items() if not _is_folder(path, tree)})


def _is_folder(path: str, tree: dict[str, str]) -> bool:
    return any(other.startswith(path + "/") for other in tree)


@settings(max_examples=40, deadline=None)
@given(first=TREES, second=TREES)
def test_a_mirrored_import_equals_the_folder(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, str], second: dict[str, str]
) -> None:
    bench = Bench()
    for content in (first, second):
        root = tmp_path_factory.mktemp("tree")
        lay(root, content)
        report = load(bench, root, delete_missing=True)
        assert bench.counters() == bench.recount()
        if report.skipped:
            return
        files = {stamp.path: stamp for stamp in bench.files.tree(bench.owner, bench.id)}
        found = {path: stamp.digest for path, stamp in files.items() if stamp.type is FileType.FILE}
        assert found == {path: sha256(text.encode()).hexdigest() for path, text in content.items()}
        again = load(bench, root, delete_missing=True)
        assert (again.created, again.updated, again.deleted, again.folders) == (0, 0, 0, 0)
        assert again.unchanged == len(content)
