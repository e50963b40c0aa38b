"""Imports of archives, on every backend: the same tree as from a folder, in every form, and again only what changed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import Any

import pytest

from tests.contract.packing import PACKERS, member, tarred, zipped
from tests.contract.planting import Garden, lay, tree_at
from vibecore.domain.errors import InvalidValue
from vibecore.repositories.unit_of_work import Store
from vibecore.services.export_archive import ArchiveFormat
from vibecore.services.imports import ImportProgress
from vibecore.services.limits import ImportLimits
from vibecore.services.trees import Skipped
from vibecore.testing.effects import FixedClock

TREE: dict[str, bytes | None] = {
    "main.py": b"import os\n\nprint(1)\n",
    "src/app.py": b"x = 1\r\ny = 2",
    "src/deep/notes.md": b"# Notes",
    "src/logo.png": b"\x89PNG\r\n\x1a\n\0\0",
    "caf\u00e9/\u65e5\u672c.txt": "\u65e5\u672c\n".encode(),
    "empty": None,
    "x" * 120 + "/long name": b"1\n",
}
EACH_FORM = pytest.mark.parametrize("form", PACKERS)


@pytest.fixture
def garden(store: Store, clock: FixedClock) -> Garden:
    return Garden(store, clock)


def stored(garden: Garden) -> dict[str, tuple[Any, ...]]:
    """What the project holds, by path, without ids and times."""
    return {
        file.path: (file.type, file.content, file.digest, file.size_bytes, file.line_count, file.language)
        for file in garden.vibe.files.page(garden.owner, garden.id, limit=1000).items
    }


@EACH_FORM
def test_an_archive_brings_what_the_folder_brings(garden: Garden, tmp_path: Path, form: str) -> None:
    """The same rows, and the same report, whether it is a file or an open one."""
    report = garden.load(lay(tmp_path / "tree", TREE))
    expected = stored(garden)
    (tmp_path / "packed").write_bytes(PACKERS[form](TREE))
    for source in (tmp_path / "packed", io.BytesIO(PACKERS[form](TREE))):
        garden.id = garden.new_project()
        assert garden.load(source) == report
        assert stored(garden) == expected
        assert garden.counters_are_exact()


@EACH_FORM
def test_a_second_import_writes_only_what_changed(garden: Garden, form: str) -> None:
    """Compared by digest, as a folder is; with `delete_missing` what the archive lacks goes."""
    garden.load(io.BytesIO(PACKERS[form](TREE)))
    trail = len(garden.vibe.audit.page(garden.owner, project_id=garden.id).items)
    again = garden.load(io.BytesIO(PACKERS[form](TREE)))
    assert (again.created, again.updated, again.unchanged, again.folders) == (0, 0, 6, 0)
    assert len(garden.vibe.audit.page(garden.owner, project_id=garden.id).items) == trail
    changed = {**TREE, "main.py": b"2\n", "new/x": b""}
    del changed["src/deep/notes.md"]
    report = garden.load(io.BytesIO(PACKERS[form](changed)), delete_missing=True)
    assert (report.created, report.updated, report.unchanged, report.deleted, report.folders) == (1, 1, 4, 1, 1)
    assert garden.counters_are_exact()
    assert "src/deep" not in garden.paths()


@pytest.mark.parametrize("form", ArchiveFormat)
def test_what_is_exported_can_be_imported(garden: Garden, form: ArchiveFormat) -> None:
    """Nothing changes by it."""
    garden.load(io.BytesIO(zipped(TREE)))
    packed = io.BytesIO()
    garden.save(packed, archive=form)
    packed.seek(0)
    report = garden.load(packed)
    assert (report.created, report.updated, report.unchanged, report.skipped) == (0, 0, 5, ())
    packed.seek(0)
    expected = stored(garden)
    garden.id = garden.new_project()
    garden.load(packed)
    assert stored(garden) == {path: row for path, row in expected.items() if path != "src/logo.png"}


def test_names_may_begin_with_a_dot(garden: Garden) -> None:
    """As `tar -C folder .` writes them; the root itself is no entry."""
    dotted: dict[str, bytes | None] = {".": None, "./a": None, "./a/b": b"1", "./c": b"2"}
    assert garden.load(io.BytesIO(tarred(dotted))).skipped == ()
    assert garden.paths() == ["a", "a/b", "c"]


def test_packers_that_write_pieces(garden: Garden) -> None:
    """Several compressed pieces in a row are one archive, with zeros behind them."""
    packed = tarred(TREE)
    half = len(packed) // 2
    for compress in (gzip.compress, bz2.compress, lzma.compress):
        pieces = compress(packed[:half]) + compress(packed[half:])
        garden.id = garden.new_project()
        assert garden.load(io.BytesIO(pieces + bytes(8))).created == 6


def test_a_zip_with_utf8_names_and_no_flag(garden: Garden) -> None:
    """Common, and no other reading of such bytes makes sense."""
    data = bytearray(zipped({"caf\u00e9": b"1"}))
    for magic, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(magic) + flags + 1] &= ~0x08
    assert garden.load(io.BytesIO(bytes(data))).created == 1
    assert garden.paths() == ["caf\u00e9"]


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_rules_hold_in_archives_too(garden: Garden, form: str) -> None:
    """Wherever in the archive the `.gitignore` files stand; what they leave out is told once."""
    files: dict[str, bytes | None] = {
        "a.log": b"1",
        "build/x": b"1",
        "build/y": b"1",
        "sub/a.log": b"1",
        "sub/b.tmp": b"1",
        "keep.py": b"1",
        "site/z.py": b"1",
        "sub/.gitignore": b"!a.log\n",
        ".gitignore": b"*.log\nbuild/\n",
    }
    report = garden.load(io.BytesIO(PACKERS[form](files)), gitignore=True, exclude=["*.tmp", "site/"])
    assert garden.paths() == [".gitignore", "keep.py", "sub", "sub/.gitignore", "sub/a.log"]
    assert {skip.path: skip.reason for skip in report.skipped} == {
        "a.log": "is ignored by .gitignore",
        "build": "is ignored by .gitignore",
        "site": "is excluded",
        "sub/b.tmp": "is excluded",
    }


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_an_archive_is_read_from_where_the_file_stands(garden: Garden, form: str) -> None:
    """And is not closed."""
    file = io.BytesIO(b"before" + PACKERS[form]({"a": b"1"}))
    file.seek(6)
    assert garden.load(file).created == 1
    assert not file.closed


def test_a_collision_reads_the_open_file_again(garden: Garden) -> None:
    """From where it stood at the call."""
    seen: list[int] = []

    def meddle(progress: ImportProgress) -> None:
        seen.append(progress.files)
        if len(seen) == 1:
            garden.write("main.py", "by somebody else\n")

    report = garden.load(io.BytesIO(zipped(TREE)), progress=meddle)
    assert seen == [6, 6]
    assert (report.created, report.updated) == (5, 1)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"", "is neither a folder nor a zip or tar archive"),
        (b"PK", "is neither a folder nor a zip or tar archive"),
        (b"some text\n" * 100, "is neither a folder nor a zip or tar archive"),
        (gzip.compress(b"some text\n" * 100), "is no whole tar"),
        (b"PK\3\4" + bytes(100), "is no whole zip"),
    ],
    ids=range(5),
)
def test_what_is_no_archive_is_refused(garden: Garden, tmp_path: Path, source: bytes, reason: str) -> None:
    """With the reason."""
    (tmp_path / "packed").write_bytes(source)
    for given in (io.BytesIO(source), tmp_path / "packed"):
        with pytest.raises(InvalidValue) as caught:
            garden.load(given)
        assert (caught.value.field, caught.value.reason) == ("source", reason)


def test_an_open_file_of_text_is_refused(garden: Garden) -> None:
    """Its bytes are not known."""
    with pytest.raises(InvalidValue) as caught:
        garden.load(io.StringIO("x"))
    assert (caught.value.field, caught.value.reason) == ("source", "is an open file of text, not of bytes")


def test_a_pipe_is_refused(garden: Garden) -> None:
    """It could not be read a second time."""

    class Pipe(io.BytesIO):
        def seek(self, *_: Any) -> int:
            raise io.UnsupportedOperation("seek")

    with pytest.raises(InvalidValue) as caught:
        garden.load(Pipe(zipped(TREE)))
    assert caught.value.reason == "is an open file that cannot seek"


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"max_file_bytes": 0}, "max_file_bytes"),
        ({"max_file_bytes": 2**30}, "max_file_bytes"),
        ({"max_total_bytes": True}, "max_total_bytes"),
        ({"max_entries": -1}, "max_entries"),
        ({"max_ratio": 1.5}, "max_ratio"),
    ],
)
def test_limits_are_checked(limits: dict[str, Any], field: str) -> None:
    """Each by its name."""
    with pytest.raises(InvalidValue) as caught:
        ImportLimits(**limits)
    assert caught.value.field == field


@pytest.mark.parametrize("options", [{"limits": 7}, {"limits": {"max_entries": 1}}, {"refuse_case_collisions": 1}])
def test_wrong_options_are_named(garden: Garden, options: dict[str, Any]) -> None:
    """As everywhere."""
    with pytest.raises(InvalidValue) as caught:
        garden.load(io.BytesIO(zipped(TREE)), **options)
    assert caught.value.field == next(iter(options))


def test_a_file_system_in_an_archive(garden: Garden, tmp_path: Path) -> None:
    """Export to a folder of an import from a tar: the tar's files."""
    text = {path: data for path, data in TREE.items() if not path.endswith("png")}
    garden.load(io.BytesIO(tarred(text)))
    garden.save(tmp_path / "out")
    assert tree_at(tmp_path / "out") == tree_at(lay(tmp_path / "tree", text))


def test_the_trail_names_the_archive(garden: Garden, tmp_path: Path) -> None:
    """By its file's name, or as an open file."""
    (tmp_path / "engine.zip").write_bytes(zipped({"a": b"1"}))
    garden.load(tmp_path / "engine.zip")
    garden.load(io.BytesIO(zipped({"a": b"2"})))
    events = garden.vibe.audit.page(garden.owner, project_id=garden.id).items
    assert {event.details["source"] for event in events if event.action == "files.imported"} == {
        "engine.zip",
        "an open file",
    }


def test_the_last_of_several_entries_counts(garden: Garden) -> None:
    """As for whoever unpacks it; the others are told."""
    twice = [(member("a"), b"old"), (member("b"), b"b"), (member("a"), b"new")]
    report = garden.load(io.BytesIO(tarred(twice)))
    assert garden.content("a") == "new"
    note = Skipped(path="a", reason="is in the archive more than once: the last one counts")
    assert report.skipped == (note,)
    garden.id = garden.new_project()
    assert garden.load(io.BytesIO(zipped([("a", b"old"), ("a", b"new")]))).skipped == (note,)
    assert garden.content("a") == "new"
