"""Exports, on every backend: byte for byte what was imported, never outside the target, and a report of all else."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import sysconfig
import tarfile
import tempfile
import threading
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.planting import Garden, lay, tree_at
from vibecore.domain.errors import InvalidValue, NotFound, PermissionDenied
from vibecore.repositories.unit_of_work import Store
from vibecore.services import exports
from vibecore.services.export_archive import ArchiveFormat
from vibecore.services.export_folder import FolderTarget
from vibecore.services.exports import ExportProgress, Withheld
from vibecore.services.trees import Skipped
from vibecore.testing.effects import FixedClock

PNG = b"\x89PNG\r\n\x1a\n\0\0"
TREE: dict[str, bytes | None] = {
    "main.py": b"import os\n\nprint(1)\n",
    "src": None,
    "src/app.py": b"x = 1\r\ny = 2",
    "src/deep": None,
    "src/deep/bom.md": b"\xef\xbb\xbf# Notes\n\n",
    "src-more": None,
    "src-more/zero": b"",
    "mac.txt": b"a\rb\r\n\n\r",
    "empty": None,
    "caf\u00e9": None,
    "caf\u00e9/\u65e5\u672c.txt": "\u65e5\u672c\u8a9e \U0001f600\u2028\x0b\x0c\x85".encode(),
}


@pytest.fixture
def garden(store: Store, clock: FixedClock) -> Garden:
    return Garden(store, clock)


@pytest.fixture
def tree(garden: Garden, tmp_path: Path) -> Path:
    """`TREE`, imported."""
    root = lay(tmp_path / "tree", TREE)
    assert garden.load(root).skipped == ()
    return root


def test_a_tree_comes_back_byte_for_byte(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """Byte order marks, carriage returns, missing last newlines, empty files and folders included."""
    report = garden.save(tmp_path / "out")
    assert tree_at(tmp_path / "out") == TREE == tree_at(tree)
    size = sum(len(data or b"") for data in TREE.values())
    assert (report.created, report.folders, report.bytes, report.complete) == (6, 5, size, True)
    assert (report.replaced, report.unchanged, report.withheld, report.skipped) == (0, 0, (), ())


def test_what_is_known_by_digest_only_is_named_and_not_written(garden: Garden, tmp_path: Path) -> None:
    """Neither an empty file nor a replacement: a binary and an undecodable file are withheld with size and digest."""
    latin = b"caf\xe9\n"
    lay(tmp_path / "tree", {"logo.png": PNG, "a/latin.txt": latin, "a/text": b"x"})
    garden.load(tmp_path / "tree")
    report = garden.save(tmp_path / "out")
    assert tree_at(tmp_path / "out") == {"a": None, "a/text": b"x"}
    assert report.withheld == (
        Withheld(path="a/latin.txt", size_bytes=5, digest=sha256(latin).hexdigest()),
        Withheld(path="logo.png", size_bytes=len(PNG), digest=sha256(PNG).hexdigest()),
    )
    assert not report.complete


def test_a_withheld_file_that_stands_there_is_unchanged(garden: Garden, tmp_path: Path) -> None:
    """The target holds the right bytes already; another file of that name is neither taken for it nor replaced."""
    root = lay(tmp_path / "tree", {"logo.png": PNG, "other.png": PNG})
    garden.load(root)
    (root / "other.png").write_bytes(PNG[::-1])
    report = garden.save(root, overwrite=True)
    assert (report.unchanged, report.bytes) == (1, len(PNG))
    assert [file.path for file in report.withheld] == ["other.png"]
    assert (root / "other.png").read_bytes() == PNG[::-1]


def test_a_second_export_writes_nothing(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """What stands there with the same bytes is left, so that its time stays; also with `overwrite`."""
    garden.save(tmp_path / "out")
    for place in (tmp_path / "out").rglob("*"):
        os.utime(place, (1, 1))
    for overwrite in (False, True):
        report = garden.save(tmp_path / "out", overwrite=overwrite)
        assert (report.created, report.replaced, report.unchanged, report.folders) == (0, 0, 6, 0)
        assert report.complete
    assert {place.stat().st_mtime for place in (tmp_path / "out").rglob("*")} == {1}


def test_what_stands_in_the_target_is_left_unless_it_is_to_be_replaced(
    garden: Garden, tree: Path, tmp_path: Path
) -> None:
    """The report says which; files that only the target has stay in both cases."""
    out = lay(tmp_path / "out", {"main.py": b"mine", "src/app.py": b"x = 1\r\ny = 3", "own": b"own"})
    report = garden.save(out)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        ("main.py", "is another file in the target"),
        ("src/app.py", "is another file in the target"),
    ]
    assert (out / "main.py").read_bytes() == b"mine"
    assert (report.created, report.complete) == (4, False)
    report = garden.save(out, overwrite=True)
    assert (report.created, report.replaced, report.unchanged, report.skipped) == (0, 2, 4, ())
    assert tree_at(out) == TREE | {"own": b"own"}


def test_links_in_the_target_are_not_followed(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """A link in the place of a folder leads nowhere, one in the place of a file is replaced itself, or left."""
    outside = lay(tmp_path / "outside", {"precious": b"kept"})
    out = lay(tmp_path / "out", {})
    (out / "src").symlink_to(outside)
    (out / "main.py").symlink_to(outside / "precious")
    (out / "mac.txt").symlink_to(outside / "dangling")
    report = garden.save(out)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        (path, "is a symbolic link in the target") for path in ("mac.txt", "main.py", "src")
    ]
    report = garden.save(out, overwrite=True)
    assert [skip.path for skip in report.skipped] == ["src"]
    assert tree_at(outside) == {"precious": b"kept"}
    assert (out / "main.py").read_bytes() == TREE["main.py"]
    assert not (out / "main.py").is_symlink()
    assert (out / "src").is_symlink()


def test_a_file_and_a_folder_in_each_others_place_are_reported(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """Neither is removed, not even with `overwrite`, and what lies below is part of the report's one line."""
    out = lay(tmp_path / "out", {"src": b"a file", "main.py/x": b"a folder"})
    os.mkfifo(out / "mac.txt")
    report = garden.save(out)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        ("mac.txt", "is neither a file nor a folder in the target"),
        ("main.py", "is a folder in the target"),
        ("src", "is another file in the target"),
    ]
    assert [skip.path for skip in garden.save(out, overwrite=True).skipped] == ["main.py", "src"]
    assert (out / "src").read_bytes() == b"a file"
    assert (out / "mac.txt").read_bytes() == TREE["mac.txt"]


def test_a_folder_that_is_swapped_for_a_link_leads_nowhere(
    garden: Garden, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The swap happens between two chunks, after the folder was made."""
    monkeypatch.setattr(exports, "CHUNK_FILES", 1)
    outside = lay(tmp_path / "outside", {})
    out = tmp_path / "out"

    def swap(progress: ExportProgress) -> None:
        if progress.path == "src-more":
            (out / "src-more").rmdir()
            (out / "src-more").symlink_to(outside)
            (out / "src").rmdir()
            (out / "src").symlink_to(outside)

    report = garden.save(out, progress=swap)
    assert tree_at(outside) == {}
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        ("src-more/zero", "cannot be written: no such file or directory"),
        ("src/app.py", "is a symbolic link in the target"),
        ("src/deep", "is a symbolic link in the target"),
    ]


def test_a_file_appears_whole_or_not_at_all(
    garden: Garden, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where writing fails, the old file stands, nothing half-written lies about, and the error is the disk's own."""
    out = lay(tmp_path / "out", {"main.py": b"mine"})
    real = os.fstat

    def full(descriptor: int) -> os.stat_result:
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".tmp"):  # noqa: PTH115
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", full)
    with pytest.raises(OSError, match="No space left") as caught:
        garden.save(out, overwrite=True)
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert (out / "main.py").read_bytes() == b"mine"
    assert not [path for path in tree_at(out) if ".tmp" in path]


def test_a_file_that_appears_meanwhile_is_not_replaced(
    garden: Garden, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without `overwrite` the name is taken in one step, which fails where somebody was faster."""
    out = tmp_path / "out"
    real = os.link

    def racing(source: str, target: str, **options: Any) -> None:
        if target == "main.py":
            (out / "main.py").write_bytes(b"faster")
        real(source, target, **options)

    monkeypatch.setattr(os, "link", racing)
    report = garden.save(out)
    assert [(skip.path, skip.reason) for skip in report.skipped] == [("main.py", "appeared in the target meanwhile")]
    assert (out / "main.py").read_bytes() == b"faster"


def test_a_file_system_without_hard_links_will_do(
    garden: Garden, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As FAT: the same tree, and nothing else."""

    def refused(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refused)
    assert garden.save(tmp_path / "out").complete
    assert tree_at(tmp_path / "out") == TREE


def test_names_that_differ_by_case_do_not_replace_each_other(
    garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system that ignores case, the second is reported, and the first keeps its bytes."""
    garden.write("README", "first")
    garden.write("readme", "second")
    out = tmp_path / "out"
    real_stat, real_replace, real_link = os.stat, os.replace, os.link

    def folded(name: Any) -> Any:
        return name.upper() if name == "readme" else name

    monkeypatch.setattr(os, "stat", lambda name, **options: real_stat(folded(name), **options))
    monkeypatch.setattr(os, "link", lambda source, target, **options: real_link(source, folded(target), **options))
    monkeypatch.setattr(
        os, "replace", lambda source, target, **options: real_replace(source, folded(target), **options)
    )
    for overwrite in (False, True):
        report = garden.save(out, overwrite=overwrite)
        assert [skip.path for skip in report.skipped] == ["readme"]
        assert tree_at(out) == {"README": b"first"}
        lay(out, {"README": b"older"} if not overwrite else {})


def test_nothing_becomes_a_hook_of_git(garden: Garden, tmp_path: Path) -> None:
    """A project may hold `.git/hooks`, put there by who can write to it; a checkout that is exported to must not."""
    garden.write(".git/hooks/post-checkout", "#!/bin/sh\n")
    garden.write("sub/.GIT/config", "[core]\n")
    garden.write(".github/workflow.yml", "on: push\n")
    for form in (None, *ArchiveFormat):
        target = tmp_path / (form or "out")
        report = garden.save(target, archive=form)
        assert [(skip.path, skip.reason) for skip in report.skipped] == [
            (".git", "belongs to git"),
            ("sub/.GIT", "belongs to git"),
        ]
        assert report.created == 1
    assert sorted(tree_at(tmp_path / "out")) == [".github", ".github/workflow.yml", "sub"]


def test_a_path_that_breaks_the_rules_leads_nowhere(garden: Garden, tmp_path: Path) -> None:
    """Rows that another program wrote are not trusted: nothing is written outside of the target."""
    garden.write("a", "1")
    (stamp,) = garden.vibe.files.tree(garden.owner, garden.id)
    file = garden.vibe.files.read(garden.owner, garden.id, "a")
    with FolderTarget(tmp_path / "out", overwrite=True) as target:
        export = exports._Export(target, None)
        for path in ("../escaped", "/escaped", "x/../../escaped", "", ".", "a\0b", "x//y"):
            export.write([dataclasses.replace(stamp, path=path)], {file.id: file})
        assert len(export.report().skipped) == 7
    assert tree_at(tmp_path) == {"out": None}


def test_names_that_the_file_system_refuses_are_reported(garden: Garden, tmp_path: Path) -> None:
    """A name of 255 characters may have more bytes than a file name can; the rest arrives."""
    garden.write("é" * 255 + "/x", "1")
    garden.write("ü" * 255, "2")
    garden.write("z", "3")
    report = garden.save(tmp_path / "out")
    assert [skip.reason for skip in report.skipped] == ["cannot be written: file name too long"] * 2
    assert tree_at(tmp_path / "out") == {"z": b"3"}


def test_a_folder_alone_is_exported_with_paths_of_its_own(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """What lies beside it with a longer name does not come along."""
    report = garden.save(tmp_path / "out", folder="src")
    assert tree_at(tmp_path / "out") == {
        path.removeprefix("src/"): data for path, data in TREE.items() if path.startswith("src/")
    }
    assert report.created == 2
    for wrong, error, named in (
        ("nowhere", NotFound, None),
        ("main.py", InvalidValue, "folder"),
        ("../x", InvalidValue, "folder"),
        ("", InvalidValue, "folder"),
    ):
        with pytest.raises(error) as caught:
            garden.save(tmp_path / "other", folder=wrong)
        assert getattr(caught.value, "field", None) == named
    assert not (tmp_path / "other").exists()


def test_an_empty_project_makes_an_empty_folder(garden: Garden, tmp_path: Path) -> None:
    """With the folders above it."""
    assert garden.save(tmp_path / "a/b/out").complete
    assert tree_at(tmp_path / "a") == {"b": None, "b/out": None}


def test_a_stored_content_that_is_not_its_digests_is_not_written(garden: Garden, tmp_path: Path) -> None:
    """Somebody changed the row past the library: a wrong byte is reported, not written."""
    garden.write("a", "right")
    with garden.store.begin() as tx:
        file = tx.files.find_path(garden.id, "a")
        assert file is not None
        tx.files.update(dataclasses.replace(file, content="wrong"))
        tx.commit()
    report = garden.save(tmp_path / "out")
    assert [(skip.path, skip.reason) for skip in report.skipped] == [
        ("a", "has a content that is not that of its digest")
    ]
    assert tree_at(tmp_path / "out") == {}


def test_progress_grows_to_the_whole(
    garden: Garden, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By chunks, with the total known from the start."""
    monkeypatch.setattr(exports, "CHUNK_FILES", 5)
    seen: list[ExportProgress] = []
    garden.save(tmp_path / "out", progress=seen.append)
    assert [(now.files, now.total) for now in seen] == [(3, 6), (5, 6), (6, 6)]
    assert seen[-1].bytes == sum(len(data or b"") for data in TREE.values())


def test_what_progress_raises_ends_it(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """Of a folder what was written stays; of an archive nothing is there."""

    class Stop(Exception):
        pass

    def stop(_: ExportProgress) -> None:
        raise Stop

    with pytest.raises(Stop):
        garden.save(tmp_path / "out", progress=stop)
    for form in ArchiveFormat:
        with pytest.raises(Stop):
            garden.save(tmp_path / f"x.{form}", archive=form, progress=stop)
    assert sorted(place.name for place in tmp_path.iterdir()) == ["out", "tree"]


def unpacked(data: bytes, form: ArchiveFormat) -> dict[str, bytes | None]:
    """What an archive holds, read by Python's own readers."""
    if form is ArchiveFormat.ZIP:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert archive.testzip() is None
            return {
                entry.filename.rstrip("/"): None if entry.is_dir() else archive.read(entry)
                for entry in archive.infolist()
            }
    mode = {ArchiveFormat.TAR: "r:", ArchiveFormat.TAR_GZ: "r:gz"}[form]
    found: dict[str, bytes | None] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode=mode) as archive:  # type: ignore[call-overload]
        for member in archive:
            file = archive.extractfile(member)
            found[member.name] = None if file is None else file.read()
    return found


@pytest.mark.parametrize("form", ArchiveFormat)
def test_an_archive_holds_the_same_tree(garden: Garden, tree: Path, tmp_path: Path, form: ArchiveFormat) -> None:
    """As a file and through an open one, and byte for byte the same archive each time."""
    report = garden.save(tmp_path / "out", archive=form)
    assert (report.created, report.folders, report.complete) == (6, 5, True)
    data = (tmp_path / "out").read_bytes()
    assert unpacked(data, form) == TREE
    stream = io.BytesIO()
    garden.save(stream, archive=form)
    assert stream.getvalue() == data
    assert not stream.closed


@pytest.mark.parametrize("form", ArchiveFormat)
def test_an_archive_goes_through_a_pipe(garden: Garden, tree: Path, form: ArchiveFormat) -> None:
    """An open file that cannot seek, as an HTTP response, gets a complete archive too."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.got = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.got += bytes(data)
            return len(data)

    pipe = Pipe()
    garden.save(pipe, archive=form)
    assert unpacked(pipe.got, form) == TREE


def test_an_archive_does_not_replace_what_stands_there(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """Unless it may; a link is replaced itself, a folder never."""
    form = ArchiveFormat.ZIP
    precious = lay(tmp_path / "outside", {"precious": b"kept"}) / "precious"
    (tmp_path / "out").symlink_to(precious)
    (tmp_path / "file").write_bytes(b"kept")
    (tmp_path / "folder").mkdir()
    for name, reason in (("out", "exists already"), ("file", "exists already"), ("folder", "is a folder")):
        with pytest.raises(InvalidValue) as caught:
            garden.save(tmp_path / name, archive=form)
        assert (caught.value.field, caught.value.reason) == ("target", reason)
    for name in ("out", "file"):
        garden.save(tmp_path / name, archive=form, overwrite=True)
        assert unpacked((tmp_path / name).read_bytes(), form) == TREE
    with pytest.raises(InvalidValue):
        garden.save(tmp_path / "folder", archive=form, overwrite=True)
    assert precious.read_bytes() == b"kept"
    assert sorted(place.name for place in tmp_path.iterdir()) == ["file", "folder", "out", "outside", "tree"]


def test_withheld_files_are_not_in_an_archive(garden: Garden, tmp_path: Path) -> None:
    """They are in its report."""
    garden.write("logo.png", PNG)
    garden.write("a", "1")
    stream = io.BytesIO()
    report = garden.save(stream, archive=ArchiveFormat.ZIP)
    assert unpacked(stream.getvalue(), ArchiveFormat.ZIP) == {"a": b"1"}
    assert [file.path for file in report.withheld] == ["logo.png"]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"target": None}, "target"),
        ({"target": 7}, "target"),
        ({"target": b"/tmp"}, "target"),
        ({"target": ""}, "target"),
        ({"target": "\0"}, "target"),
        ({"target": "\ud800"}, "target"),
        ({"target": io.BytesIO()}, "archive"),
        ({"target": "/dev/null"}, "target"),
        ({"target": "/dev/null/x"}, "target"),
        ({"target": "/nowhere/x", "archive": ArchiveFormat.ZIP}, "target"),
        ({"target": "/", "archive": ArchiveFormat.ZIP}, "target"),
        ({"target": "x" * 300, "archive": ArchiveFormat.ZIP}, "target"),
        ({"archive": "zip"}, "archive"),
        ({"archive": 1}, "archive"),
        ({"overwrite": 1}, "overwrite"),
        ({"folder": 7}, "folder"),
        ({"progress": 7}, "progress"),
    ],
    ids=lambda value: ascii(value)[:40] if isinstance(value, dict) and "at 0x" not in ascii(value) else None,
)
def test_wrong_arguments_are_named(garden: Garden, tmp_path: Path, options: dict[str, Any], field: str) -> None:
    """Before anything is written."""
    arguments = {"target": tmp_path / "out"} | options
    with pytest.raises(InvalidValue) as caught:
        garden.save(arguments.pop("target"), **arguments)
    assert caught.value.field == field
    assert not (tmp_path / "out").exists()


def test_only_who_may_read_exports(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """A stranger learns nothing and no folder is made."""
    bob = garden.user("bob")
    with pytest.raises((NotFound, PermissionDenied)):
        garden.vibe.files.export_tree(bob, garden.id, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archived_project_can_be_exported(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """It is read-only, not lost."""
    garden.vibe.projects.archive(garden.owner, garden.id)
    assert garden.save(tmp_path / "out").complete


def test_a_closed_target_is_refused(garden: Garden, tree: Path) -> None:
    """The user of the process may not write there."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)
        else:
            root.chmod(0o555)
        try:
            report = garden.save(root)
            with pytest.raises(InvalidValue) as caught:
                garden.save(root / "out")
        finally:
            os.seteuid(os.getuid())
            root.chmod(0o755)
    assert {skip.reason for skip in report.skipped} == {"cannot be written: permission denied"}
    assert (caught.value.field, caught.value.reason) == ("target", "cannot be written: permission denied")


def test_a_draft_that_was_left_behind_is_no_obstacle(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """A killed process leaves one, under a name that the next process may choose too."""
    name = f".vibecore-{os.getpid()}-{threading.get_ident()}-0.tmp"
    out = lay(tmp_path / "out", {name: b"left"})
    assert garden.save(out).complete
    assert tree_at(out) == TREE | {name: b"left"}


SEGMENTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=6
).filter(lambda name: name.strip(".") != "" and name.lower() != ".git")
TEXTS = st.one_of(
    st.text(max_size=40).map(lambda text: text.replace("\0", "").encode()),
    st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\r", b"\xef\xbb\xbf", "\u2028é".encode()]), max_size=8).map(
        b"".join
    ),
)
TREES = st.dictionaries(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join), TEXTS, max_size=8)


def _sound(tree: dict[str, bytes]) -> bool:
    """No path is another's folder, and none is written in two normal forms."""
    import unicodedata

    forms = {unicodedata.normalize("NFC", path) for path in tree}
    above = {path[:at] for path in forms for at, sign in enumerate(path) if sign == "/"}
    return forms == set(tree) and not forms & above


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(tree=TREES.filter(_sound), form=st.sampled_from([None, *ArchiveFormat]))
def test_export_of_import_is_the_tree(garden: Garden, tree: dict[str, bytes], form: ArchiveFormat | None) -> None:
    """For any tree of text files, into a folder and into every archive."""
    garden.id = garden.new_project()
    with tempfile.TemporaryDirectory() as name:
        root = lay(Path(name, "tree"), tree)
        expected = tree_at(root)
        assert garden.load(root).skipped == ()
        report = garden.save(Path(name, "out"), archive=form)
        assert report.complete
        out = Path(name, "out")
        assert (tree_at(out) if form is None else unpacked(out.read_bytes(), form)) == expected


def _real_trees() -> list[Path]:
    return [Path(sysconfig.get_path("stdlib")), Path(__file__).parents[2] / "src"]


@pytest.mark.parametrize("source", _real_trees(), ids=["standard library", "own source"])
def test_real_trees_come_back(garden: Garden, tmp_path: Path, source: Path) -> None:
    """Every file of them is written with its bytes or withheld with its digest, and none is anything else."""
    skips = ["site-packages", "__pycache__"]
    imported = garden.load(source, exclude=skips)
    report = garden.save(tmp_path / "out")
    assert report.skipped == ()
    withheld = {file.path: file.digest for file in report.withheld}
    left_out = {skip.path for skip in imported.skipped}
    found = tree_at(tmp_path / "out")
    wanted = {
        str(place.relative_to(source)): place
        for place in source.rglob("*")
        if not left_out & {str(above) for above in (place.relative_to(source), *place.relative_to(source).parents)}
    }
    assert set(found) | set(withheld) == set(wanted)
    assert set(found).isdisjoint(withheld)
    for path, place in wanted.items():
        if path in withheld:
            assert sha256(place.read_bytes()).hexdigest() == withheld[path]
        else:
            assert found[path] == (None if place.is_dir() else place.read_bytes())
    assert report.created == sum(data is not None for data in found.values()) > 100


def test_the_skipped_are_of_one_kind_with_those_of_imports(garden: Garden, tmp_path: Path) -> None:
    """One type for both reports."""
    garden.write("a", "1")
    report = garden.save(lay(tmp_path / "out", {"a": b"2"}))
    assert report.skipped == (Skipped(path="a", reason="is another file in the target"),)
