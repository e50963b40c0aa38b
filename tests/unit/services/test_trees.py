from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import is_within, parent_of
from vibecore.services import trees
from vibecore.services.trees import Entry, Skipped, walk

NOBODY = 65534


def _paths(found: list[Entry | Skipped]) -> list[str]:
    return [item.path + ("/" if item.is_folder else "") for item in found if isinstance(item, Entry)]


def _skipped(found: list[Entry | Skipped]) -> dict[str, str]:
    return {item.path: item.reason for item in found if isinstance(item, Skipped)}


def _plant(root: Path, *paths: str) -> None:
    """Makes files, and folders where a path ends in "/"; a file holds its own path."""
    for path in paths:
        target = root / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(path)


@contextmanager
def _descriptors_left(number: int) -> Iterator[None]:
    """Lowers the limit on descriptors so that `number` can be opened, in whatever gaps between the open ones."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unused = [os.dup(0) for _ in range(number + 1)]
    for descriptor in unused:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(unused), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_tree_comes_in_order_with_its_bytes(tmp_path: Path) -> None:
    """Folders before what they hold, files before folders, by name; empty folders and files included."""
    _plant(tmp_path, "b/z.py", "b/a/x", "a.py", "empty/", "Z", "b/nothing", "é")
    (tmp_path / "b/nothing").write_bytes(b"")
    (tmp_path / "Z").write_bytes(b"\0\xff")
    found = list(walk(tmp_path))
    assert _paths(found) == ["Z", "a.py", "é", "b/", "b/nothing", "b/z.py", "b/a/", "b/a/x", "empty/"]
    data = {item.path: item.data for item in found if isinstance(item, Entry)}
    assert data["Z"] == b"\0\xff"
    assert data["b/a/x"] == b"b/a/x"
    assert data["b/nothing"] == data["b"] == b""


@given(st.data())
def test_whatever_is_planted_is_found(data: st.DataObject) -> None:
    """Exactly the files made come back, each parent before its child, twice in the same order."""
    segment = st.text("ab.é ", min_size=1, max_size=3).filter(lambda text: text.strip(".") != "")
    planted: dict[str, bytes] = {}
    folders: set[str] = set()
    for _ in range(data.draw(st.integers(0, 8))):
        path = "/".join(data.draw(st.lists(segment, min_size=1, max_size=4)))
        above = {path[:index] for index, character in enumerate(path) if character == "/"}
        if path in folders or above & planted.keys():
            continue
        planted[path] = data.draw(st.binary(max_size=8))
        folders |= above
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, content in planted.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
        found = list(walk(root))
        assert found == list(walk(root))
    files = [item for item in found if isinstance(item, Entry) and not item.is_folder]
    assert {item.path: item.data for item in files} == planted
    seen: set[str | None] = {None}
    for item in found:
        assert isinstance(item, Entry)
        assert parent_of(item.path) in seen
        seen.add(item.path)
    assert folders == {item.path for item in found if isinstance(item, Entry) and item.is_folder}


def test_links_are_skipped_wherever_they_lead(tmp_path: Path) -> None:
    """A link to a file, a folder, outside, in a loop or to nowhere is named and not followed."""
    _plant(tmp_path, "tree/real/file", "outside/secret")
    tree = tmp_path / "tree"
    for name, target in {"f": "real/file", "d": "real", "out": "../outside", "loop": ".", "none": "gone"}.items():
        (tree / name).symlink_to(target)
    found = list(walk(tree))
    assert _paths(found) == ["real/", "real/file"]
    assert _skipped(found) == dict.fromkeys(["d", "f", "loop", "none", "out"], "is a symbolic link")


def test_the_source_itself_may_be_a_link(tmp_path: Path) -> None:
    """The caller named it, so it is followed."""
    _plant(tmp_path, "tree/file")
    (tmp_path / "link").symlink_to("tree")
    assert _paths(list(walk(tmp_path / "link"))) == ["file"]


def test_special_files_are_skipped(tmp_path: Path) -> None:
    """A pipe, a socket and a device are never opened."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        found = list(walk(tmp_path))
    assert _skipped(found) == {"pipe": "is a named pipe", "socket": "is a socket"}
    assert Skipped(path="null", reason="is a device") in walk("/dev")


def test_names_that_cannot_be_paths_are_skipped_and_shown(tmp_path: Path) -> None:
    """Undecodable bytes and control characters are escaped where shown; what lies below is left out."""
    root = os.fsencode(tmp_path)
    for name in (b"caf\xe9", b"line\nbreak", b"del\x7f", b"ok"):
        with open(root + b"/" + name, "wb"):  # noqa: PTH123
            pass
    os.mkdir(root + b"/bad\xff")  # noqa: PTH102
    with open(root + b"/bad\xff/inner", "wb"):  # noqa: PTH123
        pass
    found = list(walk(tmp_path))
    assert _paths(found) == ["ok"]
    assert _skipped(found) == {
        "bad\\xff": "has a name that is not UTF-8",
        "caf\\xe9": "has a name that is not UTF-8",
        "del\\x7f": "breaks a path rule: must not contain control characters",
        "line\\nbreak": "breaks a path rule: must not contain control characters",
    }


def test_paths_come_in_normal_form_and_once(tmp_path: Path) -> None:
    """A decomposed name is composed; where both spellings exist, the composed one is taken."""
    (tmp_path / "cafe\u0301").write_text("decomposed")
    assert _paths(list(walk(tmp_path))) == ["café"]
    (tmp_path / "caf\u00e9").write_text("composed")
    found = list(walk(tmp_path))
    assert found == [
        Entry(path="café", data=b"composed"),
        Skipped(path="café", reason="is a second spelling of the same path"),
    ]


def test_a_tree_deeper_than_paths_may_be_is_cut_with_few_descriptors(tmp_path: Path) -> None:
    """Depth costs no descriptors; the first folder whose path is too long is named, and nothing below it."""
    where = os.open(tmp_path, os.O_RDONLY)
    for _ in range(510):
        os.mkdir("d", dir_fd=where)
        below = os.open("d", os.O_RDONLY, dir_fd=where)
        os.close(where)
        where = below
    os.close(where)
    with _descriptors_left(8):
        found = list(walk(tmp_path))
    assert len(_paths(found)) == 500
    assert list(_skipped(found).values()) == ["breaks a path rule: has 1001 characters, at most 1000 are allowed"]
    shutil.rmtree(tmp_path / "d" / "d", ignore_errors=True)


def test_files_over_the_limit_are_skipped(tmp_path: Path) -> None:
    """The limit is inclusive, and the reason gives it."""
    (tmp_path / "at").write_bytes(b"x" * 10)
    (tmp_path / "over").write_bytes(b"x" * 11)
    found = list(walk(tmp_path, max_file_bytes=10))
    assert _paths(found) == ["at"]
    assert _skipped(found) == {"over": "is larger than 10 bytes"}


def test_git_is_left_out_at_any_depth(tmp_path: Path) -> None:
    """The folder of a repository and the file of a worktree both belong to git; its other files do not."""
    _plant(tmp_path, ".git/config", "sub/.git", ".github/x", ".gitignore")
    found = list(walk(tmp_path))
    assert _paths(found) == [".gitignore", ".github/", ".github/x", "sub/"]
    assert _skipped(found) == {".git": "belongs to git", "sub/.git": "belongs to git"}


def test_ignore_rules_apply_on_request(tmp_path: Path) -> None:
    """Each folder's rules hold below it, the deeper ones win, and an ignored folder is named once."""
    _plant(tmp_path, "a.log", "build/x", "src/a.log", "src/b.log", "src/build/y", "src/only/z", "only/z")
    (tmp_path / ".gitignore").write_text("*.log\nbuild/\n")
    (tmp_path / "src/.gitignore").write_text("!b.log\n/only\n")
    plain = list(walk(tmp_path))
    assert not _skipped(plain)
    found = list(walk(tmp_path, gitignore=True))
    assert _paths(found) == [".gitignore", "only/", "only/z", "src/", "src/.gitignore", "src/b.log"]
    assert _skipped(found) == dict.fromkeys(
        ["a.log", "build", "src/a.log", "src/build", "src/only"], "is ignored by .gitignore"
    )


def test_exclusions_are_the_callers_own_rules(tmp_path: Path) -> None:
    """They are written as in a `.gitignore` at the top, and outrank those of the tree in both directions."""
    _plant(
        tmp_path, "a.log", "b.log", "keep/me.tmp", "lib/site-packages/x.py", "lib/y.py", "site-packages/z.py", "t.tmp"
    )
    (tmp_path / ".gitignore").write_text("*.tmp\n!b.log\n")
    found = list(walk(tmp_path, gitignore=True, exclude=["/site-packages/", "*.log", "!me.tmp", "# no rule", ""]))
    assert _paths(found) == [
        ".gitignore",
        "keep/",
        "keep/me.tmp",
        "lib/",
        "lib/y.py",
        "lib/site-packages/",
        "lib/site-packages/x.py",
    ]
    assert _skipped(found) == {
        "a.log": "is excluded",
        "b.log": "is excluded",
        "site-packages": "is excluded",
        "t.tmp": "is ignored by .gitignore",
    }
    assert _skipped(list(walk(tmp_path, exclude=("*.log",)))) == {"a.log": "is excluded", "b.log": "is excluded"}


@pytest.mark.parametrize(
    ("value", "field"),
    [("*.log", "exclude"), (None, "exclude"), (7, "exclude"), (["a", 7], "exclude[1]"), (["a\nb"], "exclude[0]")],
)
def test_exclusions_of_a_wrong_form_are_refused(tmp_path: Path, value: object, field: str) -> None:
    """One pattern alone is the likely mistake: it is not taken for a list of characters."""
    with pytest.raises(InvalidValue) as caught:
        walk(tmp_path, exclude=value)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_rules_that_cannot_be_applied_are_named(tmp_path: Path) -> None:
    """An enormous rule file is a file like any other, and that its rules are not applied is said."""
    (tmp_path / ".gitignore").write_bytes(b"a\n" * trees.MAX_RULES_BYTES)
    _plant(tmp_path, "a", "linked/a", "rules")
    (tmp_path / "linked/.gitignore").symlink_to("../rules")
    (tmp_path / "folder/.gitignore").mkdir(parents=True)
    found = list(walk(tmp_path, gitignore=True))
    assert _paths(found) == [".gitignore", "a", "rules", "folder/", "folder/.gitignore/", "linked/", "linked/a"]
    assert _skipped(found) == {
        ".gitignore": "has rules that are not applied: is larger than 1048576 bytes",
        "linked/.gitignore": "is a symbolic link",
    }


def test_a_folder_swapped_for_a_link_leads_nowhere(tmp_path: Path) -> None:
    """The swap happens after the folder was listed by its parent, and the walk does not leave the tree."""
    _plant(tmp_path, "tree/a", "tree/deep/er/file", "tree/gone/x", "outside/er/secret")
    walking = walk(tmp_path / "tree")
    assert next(walking) == Entry(path="a", data=b"tree/a")
    shutil.rmtree(tmp_path / "tree/deep")
    shutil.rmtree(tmp_path / "tree/gone")
    (tmp_path / "tree/deep").symlink_to(tmp_path / "outside")
    assert list(walking) == [
        Skipped(path="deep", reason="was replaced during the walk"),
        Skipped(path="gone", reason="was replaced during the walk"),
    ]


def test_a_middle_folder_swapped_for_a_link_leads_nowhere(tmp_path: Path) -> None:
    """The same with a folder that was already entered: what lies below it is reached through no link."""
    _plant(tmp_path, "tree/a/b/file", "outside/b/file")
    walking = walk(tmp_path / "tree")
    assert next(walking) == Entry(path="a", is_folder=True)
    (tmp_path / "tree/a").rename(tmp_path / "moved")
    (tmp_path / "tree/a").symlink_to(tmp_path / "outside")
    assert list(walking) == [Skipped(path="a/b", reason="was replaced during the walk")]


def test_a_file_swapped_during_the_walk_is_not_read(tmp_path: Path) -> None:
    """A link, a pipe, a folder or nothing in the place of a listed file is named; nothing hangs."""
    _plant(tmp_path, "tree/a", "tree/b", "tree/c", "tree/d", "tree/e", "secret")
    tree = tmp_path / "tree"
    walking = walk(tree)
    assert next(walking) == Entry(path="a", data=b"tree/a")
    for name in "bcde":
        (tree / name).unlink()
    (tree / "b").symlink_to(tmp_path / "secret")
    os.mkfifo(tree / "c")
    (tree / "d").mkdir()
    assert list(walking) == [Skipped(path=name, reason="was replaced during the walk") for name in "bcde"]


@pytest.mark.parametrize("change", ["grows", "shrinks", "is rewritten"])
def test_a_file_that_changes_while_it_is_read_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Half an old and half a new file are never taken for one."""
    target = tmp_path / "file"
    target.write_bytes(b"x" * 100)
    os.utime(target, ns=(1, 1))
    real = trees._up_to

    def racing(descriptor: int, most: int) -> bytes:
        data = real(descriptor, most)
        if change == "grows":
            target.write_bytes(b"x" * 101)
        elif change == "shrinks":
            os.truncate(target, 50)
        else:
            target.write_bytes(b"y" * 100)
        return data

    monkeypatch.setattr(trees, "_up_to", racing)
    assert list(walk(tmp_path)) == [Skipped(path="file", reason="changed while it was read")]


def test_what_may_not_be_read_is_skipped() -> None:
    """Unreadable files and folders are named, and the rest goes on; a closed source is refused."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        _plant(root, "closed/x", "file", "open/y", "unlisted/z")
        (root / "file").chmod(0)
        (root / "closed").chmod(0)
        (root / "unlisted").chmod(0o311)
        with _unprivileged(root):
            found = list(walk(root))
            with pytest.raises(InvalidValue) as caught:
                walk(root / "closed")
        (root / "closed").chmod(0o755)
        (root / "unlisted").chmod(0o755)
    assert _paths(found) == ["open/", "open/y"]
    assert _skipped(found) == dict.fromkeys(["closed", "file", "unlisted"], "cannot be read: permission denied")
    assert (caught.value.field, caught.value.reason) == ("source", "cannot be read: permission denied")


@contextmanager
def _unprivileged(root: Path) -> Iterator[None]:
    """Root may read everything: such a process gives its rights up for the moment."""
    if os.geteuid() != 0:
        yield
        return
    assert os.access(root.parent, os.X_OK)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "no such folder"),
        ("file", "is not a folder"),
        ("file/below", "is not a folder"),
        ("nul\0", "no such folder"),
        ("\ud800", "no such folder"),
        ("x" * 300, "cannot be read: File name too long"),
        ("pipe", "is not a folder"),
    ],
    ids=ascii,
)
def test_a_source_that_is_no_folder_is_refused_at_once(tmp_path: Path, name: str, reason: str) -> None:
    """The call itself raises, before anything is asked of the iterator."""
    _plant(tmp_path, "file")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidValue) as caught:
        walk(f"{tmp_path}/{name}")
    assert (caught.value.field, caught.value.reason) == ("source", reason)


@pytest.mark.parametrize("value", [None, 7, b"/tmp"], ids=repr)
def test_a_source_of_a_wrong_type_is_refused(value: object) -> None:
    """A wrong type is named like any other bad source."""
    with pytest.raises(InvalidValue) as caught:
        walk(value)  # type: ignore[arg-type]  # the wrong type is the point
    assert (caught.value.field, caught.value.reason) == ("source", "must be a path in text")


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "1", None], ids=repr)
def test_a_limit_that_is_no_positive_integer_is_refused(tmp_path: Path, value: object) -> None:
    """The error names the argument."""
    with pytest.raises(InvalidValue) as caught:
        walk(tmp_path, max_file_bytes=value)  # type: ignore[arg-type]  # the wrong type is the point
    assert caught.value.field == "max_file_bytes"


def test_an_abandoned_walk_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """Closing the iterator in the middle of a folder closes what it had open."""
    _plant(tmp_path, "a/b/c", "a/b/d")
    before = os.listdir("/dev/fd")  # noqa: PTH208
    walking = walk(tmp_path)
    while next(walking) != Entry(path="a/b/c", data=b"a/b/c"):
        pass
    assert len(os.listdir("/dev/fd")) > len(before)  # noqa: PTH208
    walking.close()  # type: ignore[attr-defined]  # the iterator is a generator
    assert os.listdir("/dev/fd") == before  # noqa: PTH208


def test_running_out_of_descriptors_is_no_reason_to_skip(tmp_path: Path) -> None:
    """A file left out because the process is at its limit would be lost in silence."""
    _plant(tmp_path, "a", "b")
    walking = walk(tmp_path)
    assert next(walking) == Entry(path="a", data=b"a")
    with _descriptors_left(0), pytest.raises(OSError, match="Too many open files") as caught:
        next(walking)
    assert caught.value.errno == errno.EMFILE


def test_a_relative_source_stays_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changing the working directory after the call changes nothing."""
    _plant(tmp_path, "here/file", "elsewhere/here/other")
    monkeypatch.chdir(tmp_path)
    walking = walk("here")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert _paths(list(walking)) == ["file"]
    assert not is_within("file", "here")
