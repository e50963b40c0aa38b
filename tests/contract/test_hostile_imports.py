"""Trees and archives made to harm, on every backend: that is skipped or refused with a reason, and the rest arrives.

What counts in each case: nothing outside of the tree is read, the process survives, and the report tells.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import socket
import stat
import tarfile
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.packing import PACKERS, member, patched, tarred, zip_entry, zipped
from tests.contract.planting import Garden, lay
from vibecore.domain.errors import InvalidValue
from vibecore.repositories.unit_of_work import Store
from vibecore.services import imports, trees
from vibecore.services.imports import ImportProgress, ImportReport
from vibecore.services.limits import MIB, ImportLimits
from vibecore.testing.effects import FixedClock

NOBODY = 65534
SECRET = b"the secret outside"


@pytest.fixture
def garden(store: Store, clock: FixedClock) -> Garden:
    return Garden(store, clock)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return lay(tmp_path / "tree", {"a": b"1", "z/z": b"2"})


def skipped(report: ImportReport) -> dict[str, str]:
    return {skip.path: skip.reason for skip in report.skipped}


def refusal(garden: Garden, source: Any, **options: Any) -> str:
    """Why the import was refused; nothing of it is in the project."""
    before = garden.vibe.files.tree(garden.owner, garden.id)
    with pytest.raises(InvalidValue) as caught:
        garden.load(io.BytesIO(source) if isinstance(source, bytes) else source, **options)
    assert caught.value.field == "source"
    assert garden.vibe.files.tree(garden.owner, garden.id) == before
    assert garden.counters_are_exact()
    return caught.value.reason


# -- folders


def test_links_out_of_the_tree(garden: Garden, tree: Path, tmp_path: Path) -> None:
    """To a file, a folder, by a relative and by an absolute way, in a loop and to nowhere."""
    outside = lay(tmp_path / "outside", {"secret": SECRET})
    (tree / "file").symlink_to(outside / "secret")
    (tree / "folder").symlink_to(outside)
    (tree / "relative").symlink_to("../outside/secret")
    (tree / "loop").symlink_to(".")
    (tree / "z/nowhere").symlink_to("/nowhere")
    report = garden.load(tree)
    assert garden.paths() == ["a", "z", "z/z"]
    assert skipped(report) == dict.fromkeys(["file", "folder", "loop", "relative", "z/nowhere"], "is a symbolic link")


def test_pipes_and_sockets_and_devices(garden: Garden, tree: Path) -> None:
    """None is opened, so nothing hangs and nobody is connected to."""
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tree / "socket"))
        report = garden.load(tree)
    assert skipped(report) == {"pipe": "is a named pipe", "socket": "is a socket"}
    assert garden.paths() == ["a", "z", "z/z"]
    devices = skipped(garden.load("/dev", exclude=["/*", "!/null", "!/zero"]))
    assert (devices["null"], devices["zero"]) == ("is a device", "is a device")


def test_names_that_are_not_utf8(garden: Garden, tree: Path) -> None:
    """Of files and folders; shown escaped."""
    root = os.fsencode(tree)
    for name in (b"caf\xe9", b"z/\xff\xfe", b"line\nbreak", b"escape\x1b[2J"):
        with open(root + b"/" + name, "wb"):  # noqa: PTH123
            pass
    os.mkdir(root + b"/dir\xe9")  # noqa: PTH102
    with open(root + b"/dir\xe9/inner", "wb"):  # noqa: PTH123
        pass
    report = garden.load(tree)
    assert garden.paths() == ["a", "z", "z/z"]
    assert skipped(report) == {
        "caf\\xe9": "has a name that is not UTF-8",
        "dir\\xe9": "has a name that is not UTF-8",
        "z/\\xff\\xfe": "has a name that is not UTF-8",
        "line\\nbreak": "breaks a path rule: must not contain control characters",
        "escape\\x1b[2J": "breaks a path rule: must not contain control characters",
    }


def test_names_that_differ_by_case(garden: Garden, tree: Path) -> None:
    """All are imported; on request the second of each pair is not, nor what differs so from the project's."""
    lay(tree, {"A": b"3", "Z/z": b"4", "stra\u00dfe": b"5", "STRASSE": b"6"})
    assert garden.load(tree).skipped == ()
    garden.id = garden.new_project()
    garden.write("B/old", "0")
    lay(tree, {"b/old": b"7", "b/new": b"8"})
    report = garden.load(tree, refuse_case_collisions=True)
    assert skipped(report) == {
        "a": "differs from A by case only",
        "b": "differs from B by case only",
        "stra\u00dfe": "differs from STRASSE by case only",
        "z": "differs from Z by case only",
    }
    assert garden.paths() == ["A", "B", "B/old", "STRASSE", "Z", "Z/z"]
    assert garden.load(tree, refuse_case_collisions=True, delete_missing=True).created == 0
    assert garden.counters_are_exact()


def test_nul_makes_a_file_binary(garden: Garden, tree: Path) -> None:
    """In whatever place; nothing but size and digest reaches the database."""
    lay(tree, {"start": b"\0text", "end": b"text\0", "only": b"\0"})
    assert garden.load(tree).created == 5
    assert [garden.content(path) for path in ("a", "start", "end", "only")] == ["1", None, None, None]


def test_a_sparse_file_of_two_gigabytes(garden: Garden, tree: Path) -> None:
    """Its size is looked at before it is read."""
    with (tree / "huge").open("wb") as file:
        file.truncate(2 * 1024 * MIB)
    tracemalloc.start()
    report = garden.load(tree)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert skipped(report) == {"huge": f"is larger than {32 * MIB} bytes"}
    assert report.created == 2
    assert peak < 16 * MIB


def _swap_file(tree: Path, outside: Path) -> None:
    (tree / "m").unlink()
    (tree / "m").symlink_to(outside / "secret")


def _swap_folder(tree: Path, outside: Path) -> None:
    shutil.rmtree(tree / "y")
    (tree / "y").symlink_to(outside)


def _swap_for_a_pipe(tree: Path, outside: Path) -> None:
    (tree / "m").unlink()
    os.mkfifo(tree / "m")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (_swap_file, "m"),
        (_swap_folder, "y"),
        (_swap_for_a_pipe, "m"),
        (lambda tree, outside: (tree / "m").unlink(), "m"),
        (lambda tree, outside: shutil.rmtree(tree / "y"), "y"),
    ],
    ids=["file to link", "folder to link", "file to pipe", "file vanishes", "folder vanishes"],
)
def test_a_folder_that_changes_while_it_is_read(
    garden: Garden,
    tree: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, Path], None],
    path: str,
) -> None:
    """The change comes after the names were listed and before the entry is opened."""
    monkeypatch.setattr(imports, "CHUNK_FILES", 1)
    outside = lay(tmp_path / "outside", {"secret": SECRET, "y": SECRET})
    lay(tree, {"m": b"3", "y/y": b"4"})
    done: list[str] = []

    def meddle(progress: ImportProgress) -> None:
        if not done:
            change(tree, outside)
        done.append(progress.path)

    report = garden.load(tree, progress=meddle)
    assert done[0] == "a"
    assert skipped(report) == {path: "was replaced during the walk"}
    assert {"a", "z", "z/z"} <= set(garden.paths())
    assert path not in garden.paths()
    assert SECRET.decode() not in [garden.content(each) for each in garden.paths()]


def test_a_file_that_grows_while_it_is_read(garden: Garden, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half an old and half a new file are never taken for one."""
    real = trees._up_to

    def racing(descriptor: int, most: int) -> bytes:
        data = real(descriptor, most)
        with (tree / "a").open("ab") as file:
            file.write(b"more")
        return data

    monkeypatch.setattr(trees, "_up_to", racing)
    report = garden.load(tree)
    assert skipped(report) == {"a": "changed while it was read"}
    assert garden.paths() == ["z", "z/z"]


def test_an_archive_that_changes_while_it_is_read(
    garden: Garden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused as a whole."""
    monkeypatch.setattr(imports, "CHUNK_FILES", 1)
    packed = tmp_path / "packed"
    packed.write_bytes(tarred({"a": b"1", "b": b"2"}))

    def meddle(progress: ImportProgress) -> None:
        with packed.open("ab") as file:
            file.write(bytes(512))

    assert refusal(garden, packed, progress=meddle) == "changed while it was read"


def test_a_folder_without_read_permission(garden: Garden) -> None:
    """The rest arrives; it is another user who looks, since nothing is closed to root."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        lay(root, {"closed/x": SECRET, "unlisted/y": SECRET, "file": SECRET, "open/z": b"1"})
        (root / "closed").chmod(0)
        (root / "unlisted").chmod(0o311)
        (root / "file").chmod(0)
        privileged = os.geteuid() == 0
        if privileged:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(PermissionError) as caught:
                (root / "file").read_bytes()
            report = garden.load(root)
            with pytest.raises(InvalidValue) as refused:
                garden.load(root / "closed")
        finally:
            if privileged:
                os.seteuid(0)
            for closed in ("closed", "unlisted"):
                (root / closed).chmod(0o755)
    assert caught.value.errno == errno.EACCES
    assert skipped(report) == dict.fromkeys(["closed", "file", "unlisted"], "cannot be read: permission denied")
    assert garden.paths() == ["open", "open/z"]
    assert refused.value.reason == "cannot be read: permission denied"


# -- names in archives

OUT_OF_THE_TREE = {
    "../up": "breaks a path rule: must not contain a '..' segment",
    "a/../../up": "breaks a path rule: must not contain a '..' segment",
    "/etc/passwd": "breaks a path rule: must be relative",
    "//etc/passwd": "breaks a path rule: must be relative",
    "..": "breaks a path rule: must not contain a '..' segment",
    "x//y": "breaks a path rule: must not contain an empty segment",
    "x/./y": "breaks a path rule: must not contain a '.' segment",
    "line\nbreak": "breaks a path rule: must not contain control characters",
    "y" * 256: "breaks a path rule: has a segment of 256 characters, at most 255 are allowed",
    ".git/hooks/post-checkout": "belongs to git",
    "sub/.GIT/config": "belongs to git",
}


@pytest.mark.parametrize("form", PACKERS)
def test_paths_out_of_the_tree(garden: Garden, form: str) -> None:
    """Parents, absolute names, names of git, names that are none; the rest arrives."""
    report = garden.load(io.BytesIO(PACKERS[form]({**dict.fromkeys(OUT_OF_THE_TREE, SECRET), "fine/a": b"1"})))
    assert garden.paths() == ["fine", "fine/a"]
    expected = {name.replace("\n", "\\n"): reason for name, reason in OUT_OF_THE_TREE.items()}
    del expected[".git/hooks/post-checkout"], expected["sub/.GIT/config"]
    assert skipped(report) == expected | {".git": "belongs to git", "sub/.GIT": "belongs to git"}


def test_links_in_a_tar(garden: Garden) -> None:
    """Neither links nor what lies behind them, devices nor pipes; a hard link to a file outside is one too."""
    entries = [
        (member("soft", tarfile.SYMTYPE, linkname="/etc/passwd"), b""),
        (member("folder", tarfile.SYMTYPE, linkname="/etc"), b""),
        (member("folder/passwd"), SECRET),
        (member("hard", tarfile.LNKTYPE, linkname="../../etc/passwd"), b""),
        (member("inner", tarfile.LNKTYPE, linkname="fine"), b""),
        (member("null", tarfile.CHRTYPE, devmajor=1, devminor=3), b""),
        (member("disk", tarfile.BLKTYPE, devmajor=8), b""),
        (member("pipe", tarfile.FIFOTYPE), b""),
        (member("odd", b"Z"), b""),
        (member("fine"), b"1"),
    ]
    report = garden.load(io.BytesIO(tarred(entries)))
    found = skipped(report)
    odd = found.pop("odd", None)
    assert found == {
        "soft": "is a symbolic link",
        "folder": "is a symbolic link",
        "hard": "is a hard link",
        "inner": "is a hard link",
        "null": "is a device",
        "disk": "is a device",
        "pipe": "is a named pipe",
    }
    # The format says that an unknown kind is to be read as a file.
    assert garden.paths() == (["fine", "odd"] if odd is None else ["fine"])


def test_links_in_a_zip(garden: Garden) -> None:
    """A zip keeps them as files with a mode."""
    entries: list[tuple[str | zipfile.ZipInfo, bytes]] = [
        (zip_entry("soft", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        (zip_entry("folder", stat.S_IFLNK | 0o777), b"/etc"),
        ("folder/passwd", SECRET),
        (zip_entry("pipe", stat.S_IFIFO), b""),
        (zip_entry("null", stat.S_IFCHR), b""),
        (zip_entry("fine"), b"1"),
    ]
    report = garden.load(io.BytesIO(zipped(entries)))
    assert garden.paths() == ["fine"]
    assert skipped(report) == {
        "soft": "is a symbolic link",
        "folder": "is a symbolic link",
        "pipe": "is a named pipe",
        "null": "is a device",
    }


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
def test_a_file_that_is_a_folder_too(garden: Garden, form: str) -> None:
    """One path cannot be both: the file stays, in whatever order they come."""
    for order in (1, -1):
        files = dict([("x", b"file"), ("x/y", b"below"), ("x/deep/z", b"below"), ("fine", b"1")][::order])
        garden.id = garden.new_project()
        report = garden.load(io.BytesIO(PACKERS[form](files)))
        assert garden.paths() == ["fine", "x"]
        assert skipped(report) == dict.fromkeys(["x/y", "x/deep/z"], "lies below x, which is a file")


def test_names_in_a_tar_that_are_not_utf8(garden: Garden) -> None:
    """Shown escaped; the rest arrives."""
    packed = tarred({"caf#": b"1", "fine": b"2"}, tarfile.GNU_FORMAT)
    broken = _with_checksum(packed.replace(b"caf#", b"caf\xe9"))
    report = garden.load(io.BytesIO(broken))
    assert skipped(report) == {"caf\\xe9": "has a name that is not UTF-8"}
    assert garden.paths() == ["fine"]


def _with_checksum(packed: bytes) -> bytes:
    """The tar with the checksum of its first header made right again."""
    data = bytearray(packed)
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    return bytes(data)


def test_names_in_a_zip_that_are_not_utf8(garden: Garden) -> None:
    """Without the flag for UTF-8 the entry is skipped; a zip that lies about it is refused."""
    packed = zipped({"caf#": b"1", "fine": b"2"}).replace(b"caf#", b"caf\xe9")
    report = garden.load(io.BytesIO(packed))
    assert skipped(report) == {"caf\\xe9": "has a name that is not UTF-8"}
    assert garden.paths() == ["fine"]
    lying = zipped({"caf\u00e9": b"1"}).replace("caf\u00e9".encode(), b"caf\xe9\xe9")
    assert refusal(garden, lying) == "is no whole zip"


def test_a_nul_in_a_name(garden: Garden) -> None:
    """It does not cut the name short, as it would for a program in C."""
    packed = zipped({"safe#.sh": b"1", "fine": b"2"}).replace(b"safe#", b"safe\0")
    report = garden.load(io.BytesIO(packed))
    assert skipped(report) == {"safe\\x00.sh": "breaks a path rule: must not contain control characters"}
    pax = [(member("x", pax_headers={"path": "evil\0name"}), b"1"), (member("fine"), b"2")]
    report = garden.load(io.BytesIO(tarred(pax)))
    assert garden.paths() == ["fine"]
    assert list(skipped(report).values()) in (
        ["breaks a path rule: must not contain control characters"],
        ["has a name that is not UTF-8"],
    )


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_case_collisions_in_an_archive(garden: Garden, form: str) -> None:
    """As in a folder."""
    report = garden.load(
        io.BytesIO(PACKERS[form]({"README": b"1", "readme": b"2", "X/a": b"3", "x/b": b"4"})),
        refuse_case_collisions=True,
    )
    assert skipped(report) == {"readme": "differs from README by case only", "x": "differs from X by case only"}
    assert garden.paths() == ["README", "X", "X/a"]


# -- bombs


def test_a_zip_bomb_of_one_file(garden: Garden) -> None:
    """By its size or by what it unpacks to, each with its reason; it is not unpacked."""
    large = zipped({"large": os.urandom(MIB) * 33}, zipfile.ZIP_STORED)
    assert skipped(garden.load(io.BytesIO(large))) == {"large": f"is larger than {32 * MIB} bytes"}
    packed = zipped({"bomb": bytes(64 * MIB), "dense": bytes(8 * MIB), "fine": b"1"})
    tracemalloc.start()
    report = garden.load(io.BytesIO(packed))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert skipped(report) == dict.fromkeys(["bomb", "dense"], "unpacks to more than 250 times its size")
    assert garden.paths() == ["fine"]
    assert peak < 8 * MIB


def test_a_zip_that_lies_about_its_sizes(garden: Garden) -> None:
    """Declared small and unpacked large: it is damaged, and no more than declared is unpacked."""
    packed = zipped({"bomb": bytes(64 * MIB)})
    data = bytearray(packed)
    for magic, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        at = data.index(magic) + place
        data[at : at + 4] = (1000).to_bytes(4, "little")
    tracemalloc.start()
    report = garden.load(io.BytesIO(bytes(data)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert skipped(report) == {"bomb": "is damaged"}
    assert peak < 8 * MIB


def test_a_zip_whose_entries_overlap(garden: Garden) -> None:
    """Many names for one kernel of data: none but the one that it belongs to is read."""
    names = [f"n{i:03}" for i in range(50)]
    packed = zipped(dict.fromkeys(names, b"1" * 1000))
    data = bytearray(packed)
    at = -1
    while (at := data.find(b"PK\1\2", at + 1)) != -1:
        data[at + 42 : at + 46] = bytes(4)
    report = garden.load(io.BytesIO(bytes(data)))
    assert garden.paths() == ["n000"]
    assert skipped(report) == dict.fromkeys(names[1:], "is damaged")


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress], ids=["gz", "bz2", "xz"])
def test_a_tar_bomb(garden: Garden, compress: Callable[[bytes], bytes]) -> None:
    """What it unpacks to is counted while it is, and it is refused early."""
    packed = compress(tarred({"fine": b"1", "bomb": bytes(100 * MIB)}))
    assert refusal(garden, packed) == "unpacks to more than 250 times its size"
    small = ImportLimits(max_total_bytes=MIB)
    assert refusal(garden, packed, limits=small) == f"holds more than {MIB} bytes"


def test_nested_bombs_stay_packed(garden: Garden) -> None:
    """An archive in an archive is a binary file: nobody unpacks it."""
    bomb = zipped({"zeros": bytes(4 * MIB)})
    for _ in range(3):
        bomb = zipped({f"{i}.zip": bomb for i in range(10)}, zipfile.ZIP_STORED)
    for packed in (zipped({"nested.zip": bomb, "fine": b"1"}), tarred({"nested.zip": bomb, "fine": b"1"})):
        garden.id = garden.new_project()
        report = garden.load(io.BytesIO(packed))
        assert garden.paths() == ["fine", "nested.zip"]
        assert report.bytes == len(bomb) + 1
        assert garden.content("nested.zip") is None


@pytest.mark.parametrize("form", ["zip", "tar", "tar.gz"])
def test_more_entries_or_bytes_than_allowed(garden: Garden, form: str) -> None:
    """Folders and links count too. The bound itself is allowed."""
    packed = PACKERS[form]({**{f"f{i}": b"12345" for i in range(20)}, "d": None})
    assert refusal(garden, packed, limits=ImportLimits(max_entries=20)) == "holds more than 20 entries"
    assert refusal(garden, packed, limits=ImportLimits(max_total_bytes=99)) == "holds more than 99 bytes"
    assert garden.load(io.BytesIO(packed), limits=ImportLimits(max_entries=21)).created == 20


def test_a_hundred_thousand_entries(garden: Garden) -> None:
    """As many as that are no attack: they arrive. Where fewer are allowed, they are refused by their number."""
    packed = zipped({f"d{i % 100:02}/f{i:06}": b"" for i in range(100_000)}, zipfile.ZIP_STORED)
    fewer = ImportLimits(max_entries=99_999)
    assert refusal(garden, packed, limits=fewer) == "holds more than 99999 entries"
    report = garden.load(io.BytesIO(packed))
    assert (report.created, report.folders, report.skipped) == (100_000, 100, ())
    assert garden.counters_are_exact()


# -- damage


@pytest.mark.parametrize("form", PACKERS)
def test_a_truncated_archive(garden: Garden, form: str) -> None:
    """Cut anywhere, it is refused and nothing is half-written; what the project had stays."""
    files: dict[str, bytes | None] = {f"f{i}": os.urandom(700) for i in range(20)}
    packed = PACKERS[form](files)
    # A tar is padded with zeros to a multiple of 10 KiB, of which the first 512 end it.
    whole = len(packed.rstrip(b"\0")) if form.startswith("tar") and "." not in form else len(packed)
    garden.write("kept", "1")
    for cut in (whole // 3, whole // 2, whole - 700, whole - 4):
        reason = refusal(garden, packed[:cut])
        assert "whole" in reason or "cut off" in reason or "damaged" in reason
    assert garden.paths() == ["kept"]


def test_a_tar_that_is_cut_between_two_entries(garden: Garden) -> None:
    """The common reader takes that for the end: what it holds so far is whole, and the rest is lost in silence."""
    packed = tarred({"a": b"1", "b": b"2"})
    assert refusal(garden, packed[:1024]) == "is cut off or damaged after 1 entries"
    damaged = packed[:1024] + b"\1" + packed[1025:]
    assert refusal(garden, damaged) == "is cut off or damaged after 1 entries"


@pytest.mark.parametrize("form", PACKERS)
def test_damage_in_the_middle(garden: Garden, form: str) -> None:
    """Of a compressed tar nothing arrives; of the others at most other files, and never as text with wrong bytes."""
    files: dict[str, bytes | None] = {f"f{i}": (f"line {i}\n" * 500).encode() for i in range(20)}
    packed = PACKERS[form](files)
    for at in range(100, len(packed) - 100, len(packed) // 15):
        broken = bytearray(packed)
        broken[at] ^= 0xFF
        garden.id = garden.new_project()
        try:
            garden.load(io.BytesIO(bytes(broken)))
        except InvalidValue as error:
            assert error.field == "source"
            assert garden.paths() == []
        assert garden.counters_are_exact()
        if form.startswith("zip"):
            for path in garden.paths():
                assert (garden.content(path) or "").encode() in files.values()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({8: 0x1}, "is encrypted"),
        ({8: 0x41}, "is encrypted"),
        ({10: 14}, "is compressed by a method that is not supported (14)"),
        ({10: 99}, "is compressed by a method that is not supported (99)"),
        ({10: 12}, "is compressed by a method that is not supported (12)"),
    ],
)
def test_entries_that_cannot_be_read(garden: Garden, changes: dict[int, int], reason: str) -> None:
    """Encrypted, or packed in a way that is not supported."""
    report = garden.load(io.BytesIO(patched(zipped({"secret": b"1"}), changes)))
    assert skipped(report) == {"secret": reason}


def test_a_file_with_a_wrong_checksum(garden: Garden) -> None:
    """The rest of the zip arrives."""
    packed = zipped({"bad": b"good bytes", "fine": b"1"}, zipfile.ZIP_STORED).replace(b"good bytes", b"evil bytes")
    assert skipped(garden.load(io.BytesIO(packed))) == {"bad": "is damaged"}
    assert garden.paths() == ["fine"]


def test_a_tar_header_that_would_fill_the_memory(garden: Garden) -> None:
    """An attribute of eight gigabytes: what it says of itself is not read into memory."""
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        header = member("x", kind, size=8 * 1024 * MIB).tobuf(tarfile.GNU_FORMAT)
        assert refusal(garden, header + bytes(10 * MIB)) == "has a header that is too long"


def test_a_tar_with_long_names_in_a_row(garden: Garden) -> None:
    """The common reader calls itself for each."""
    header = member("x", tarfile.GNUTYPE_LONGNAME, size=2).tobuf(tarfile.GNU_FORMAT)
    assert refusal(garden, (header + b"y".ljust(512, b"\0")) * 5000 + bytes(1024)) == "is no whole tar"


def test_a_tar_with_a_negative_size(garden: Garden) -> None:
    """It does not send the reader back, to read the same header for ever."""
    data = bytearray(tarred({"a": b"1", "b": b"2"}, tarfile.GNU_FORMAT))
    data[124:136] = b"\xff" * 10 + (-1024 & 0xFFFF).to_bytes(2, "big")
    assert refusal(garden, _with_checksum(bytes(data))) in ("is damaged", "is no whole tar", "is cut off")


def test_sparse_files_in_a_tar(garden: Garden) -> None:
    """What is stored as holes is not filled with zeros."""
    headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2 * 1024 * MIB), "GNU.sparse.numblocks": "1"}
    entries = [(member("holes", pax_headers=headers), b"1"), (member("fine"), b"2")]
    report = garden.load(io.BytesIO(tarred(entries)))
    assert garden.paths() == ["fine"]
    assert skipped(report) == {"holes": "is stored as a sparse file"}


def test_an_xz_that_wants_much_memory(garden: Garden) -> None:
    """The dictionary that it asks for is more than it may have."""
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MIB}]
    packed = lzma.compress(tarred({"a": b"1"}), filters=filters)
    assert refusal(garden, packed) == "is damaged, or needs more memory to be unpacked than it may have"
