from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.services.workbench import Bench
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidCursor,
    InvalidValue,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    VibecoreError,
)
from vibecore.domain.files import FileType
from vibecore.domain.filters import field
from vibecore.domain.paths import is_within, name_of, parent_of
from vibecore.domain.tests import TestType


@pytest.fixture
def bench() -> Bench:
    return Bench()


def write(bench: Bench, path: str, content: str | bytes = "x = 1\n") -> None:
    bench.files.write(bench.owner, bench.id, path, content)


def test_what_is_written_is_read_with_size_lines_digest_and_language(bench: Bench) -> None:
    text = "# Grüße\nprint('ß')"
    written = bench.files.write(bench.owner, bench.id, "src/app/main.py", text, metadata={"origin": "hand"})
    read = bench.files.read(bench.owner, bench.id, "src/app/main.py")
    assert read == written
    assert (read.content, read.language, read.line_count) == (text, "Python", 2)
    assert (read.size_bytes, read.digest) == (len(text.encode()), sha256(text.encode()).hexdigest())
    assert (read.name, read.metadata) == ("main.py", {"origin": "hand"})
    assert bench.files.get(bench.owner, bench.id, read.id) == read
    assert bench.counters() == (1, 2)


def test_missing_parents_are_made_as_folders(bench: Bench) -> None:
    write(bench, "src/app/main.py")
    tree = bench.files.tree(bench.owner, bench.id)
    assert [(stamp.path, stamp.type) for stamp in tree] == [
        ("src", FileType.FOLDER),
        ("src/app", FileType.FOLDER),
        ("src/app/main.py", FileType.FILE),
    ]
    assert bench.files.read(bench.owner, bench.id, "src/app").parent_id == tree[0].id
    assert bench.files.read(bench.owner, bench.id, "src/app/main.py").parent_id == tree[1].id


def test_bytes_that_are_text_are_text(bench: Bench) -> None:
    file = bench.files.write(bench.owner, bench.id, "a.txt", "zwölf\r\n".encode())
    assert (file.content, file.size_bytes, file.line_count) == ("zwölf\r\n", 8, 1)


@pytest.mark.parametrize("data", [b"\x89PNG\0\xff", b"caf\xe9", "text".encode("utf-16")])
def test_binary_content_is_kept_as_digest_and_size(bench: Bench, data: bytes) -> None:
    file = bench.files.write(bench.owner, bench.id, "logo.dat", data)
    assert (file.content, file.line_count) == (None, 0)
    assert (file.size_bytes, file.digest) == (len(data), sha256(data).hexdigest())
    assert bench.counters() == (1, 0)


def test_a_change_counts_the_lines_anew_and_keeps_the_metadata(bench: Bench) -> None:
    before = bench.files.write(bench.owner, bench.id, "a.py", "1\n2\n3\n", metadata={"k": 1})
    after = bench.files.write(bench.owner, bench.id, "a.py", "1\n")
    assert (after.id, after.content, after.metadata) == (before.id, "1\n", {"k": 1})
    assert after.updated_at > before.updated_at
    assert bench.counters() == (1, 1)
    assert bench.trail_names() == ["file.created", "file.updated"]


def test_writing_the_same_again_writes_nothing(bench: Bench) -> None:
    before = bench.files.write(bench.owner, bench.id, "a.py", "1\n", metadata={"k": [1]})
    project = bench.project()
    assert bench.files.write(bench.owner, bench.id, "a.py", b"1\n") == before
    assert bench.files.write(bench.owner, bench.id, "a.py", "1\n", metadata={"k": [1]}) == before
    assert bench.project() == project
    assert bench.trail_names() == ["file.created"]


def test_other_metadata_is_a_change(bench: Bench) -> None:
    bench.files.write(bench.owner, bench.id, "a.py", "1\n", metadata={"k": 1})
    after = bench.files.write(bench.owner, bench.id, "a.py", "1\n", metadata={})
    assert after.metadata == {}
    assert bench.trail_names() == ["file.created", "file.updated"]


def test_a_folder_is_not_written_over(bench: Bench) -> None:
    write(bench, "src/a.py")
    with pytest.raises(AlreadyExists) as caught:
        write(bench, "src")
    assert caught.value.facts == {"kind": "file", "constraint": "idx_files_path", "fields": ("project_id", "path")}


def test_nothing_is_written_below_a_file(bench: Bench) -> None:
    write(bench, "src")
    for call in (
        lambda: write(bench, "src/deep/a.py"),
        lambda: bench.files.make_folder(bench.owner, bench.id, "src/deep"),
    ):
        with pytest.raises(InvalidValue) as caught:
            call()
        assert (caught.value.field, caught.value.reason) == ("path", "lies below a file")
    assert bench.counters() == bench.recount() == (1, 1)


def test_a_folder_is_made_once(bench: Bench) -> None:
    folder = bench.files.make_folder(bench.owner, bench.id, "docs/api")
    assert bench.files.make_folder(bench.owner, bench.id, "docs/api") == folder
    assert (folder.type, folder.content, folder.digest) == (FileType.FOLDER, None, None)
    assert bench.trail_names() == ["folder.created"]
    write(bench, "docs/api/a.md")
    with pytest.raises(AlreadyExists):
        bench.files.make_folder(bench.owner, bench.id, "docs/api/a.md")


def test_a_path_has_one_spelling(bench: Bench) -> None:
    written = bench.files.write(bench.owner, bench.id, "Caf\u0065\u0301.md", "x")
    assert written.path == "Caf\u00e9.md"
    assert bench.files.read(bench.owner, bench.id, "Cafe\u0301.md") == written


def test_moving_a_folder_takes_everything_along(bench: Bench) -> None:
    write(bench, "src/app/main.py")
    write(bench, "src/app/deep/util.py")
    write(bench, "src/apple.py")
    bench.reviews.record(bench.owner, bench.id, "src/app/deep/util.py", score=80)
    bench.tests.record(bench.owner, bench.id, "src/app/main.py", test_type=TestType.UNIT, passed=3)
    before = bench.counters()
    moved = bench.files.move(bench.owner, bench.id, "src/app", "lib/new/core")
    assert (moved.path, moved.name, moved.type) == ("lib/new/core", "core", FileType.FOLDER)
    assert [stamp.path for stamp in bench.files.tree(bench.owner, bench.id)] == [
        "lib",
        "lib/new",
        "lib/new/core",
        "lib/new/core/deep",
        "lib/new/core/deep/util.py",
        "lib/new/core/main.py",
        "src",
        "src/apple.py",
    ]
    assert [review.file_path for review in bench.reviews.latest(bench.owner, bench.id)] == ["lib/new/core/deep/util.py"]
    assert [result.file_path for result in bench.tests.page(bench.owner, bench.id).items] == ["lib/new/core/main.py"]
    assert bench.counters() == before == bench.recount()


def test_a_moved_file_takes_the_language_of_its_new_name(bench: Bench) -> None:
    write(bench, "notes.txt")
    before = bench.files.read(bench.owner, bench.id, "notes.txt")
    moved = bench.files.move(bench.owner, bench.id, "notes.txt", "src/notes.py")
    assert (moved.id, moved.path, moved.language) == (before.id, "src/notes.py", "Python")
    assert moved.content == before.content
    assert moved == bench.files.read(bench.owner, bench.id, "src/notes.py")
    assert bench.files.find(bench.owner, bench.id, before.id) == moved


def test_moving_to_the_same_place_writes_nothing(bench: Bench) -> None:
    write(bench, "src/a.py")
    entry = bench.files.read(bench.owner, bench.id, "src")
    assert bench.files.move(bench.owner, bench.id, "src", "src") == entry
    assert bench.trail_names() == ["file.created"]


@pytest.mark.parametrize(
    ("source", "target", "field_name"),
    [("src", "src/deep/src", "target"), ("src/b.py", "src/a.py/b.py", "target"), ("/src", "x", "source")],
)
def test_impossible_moves_name_what_is_wrong(bench: Bench, source: str, target: str, field_name: str) -> None:
    write(bench, "src/a.py")
    write(bench, "src/b.py")
    with pytest.raises(InvalidValue) as caught:
        bench.files.move(bench.owner, bench.id, source, target)
    assert caught.value.field == field_name


@pytest.mark.parametrize("target", ["src/b.py", "src", "docs"])
def test_a_move_displaces_nothing(bench: Bench, target: str) -> None:
    write(bench, "src/a.py")
    write(bench, "src/b.py")
    bench.files.make_folder(bench.owner, bench.id, "docs")
    with pytest.raises(AlreadyExists):
        bench.files.move(bench.owner, bench.id, "src/a.py", target)


def test_a_subtree_does_not_outgrow_the_limits(bench: Bench) -> None:
    deep = "/".join(["d" * 200] * 4)
    write(bench, f"src/{deep}/a.py")
    with pytest.raises(InvalidValue) as caught:
        bench.files.move(bench.owner, bench.id, "src", "s" * 250)
    assert caught.value.field == "path"
    assert bench.files.read(bench.owner, bench.id, f"src/{deep}/a.py").path


def test_deleting_a_folder_deletes_all_below_with_reviews_and_tests(bench: Bench) -> None:
    write(bench, "src/app/main.py")
    write(bench, "src/app.py", "a\nb\n")
    bench.reviews.record(bench.owner, bench.id, "src/app/main.py", score=80)
    bench.reviews.record(bench.owner, bench.id, "src/app.py", score=70)
    bench.tests.record(bench.owner, bench.id, "src/app/main.py", test_type=TestType.UNIT, passed=3)
    assert bench.files.delete(bench.owner, bench.id, "src/app") == 2
    assert [stamp.path for stamp in bench.files.tree(bench.owner, bench.id)] == ["src", "src/app.py"]
    assert [review.file_path for review in bench.reviews.latest(bench.owner, bench.id)] == ["src/app.py"]
    assert bench.tests.page(bench.owner, bench.id).items == ()
    assert bench.counters() == bench.recount() == (1, 2)
    assert bench.trail()[-1].details["files"] == 1


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    calls: tuple[Callable[[], object], ...] = (
        lambda: bench.files.read(bench.owner, bench.id, "no/such"),
        lambda: bench.files.move(bench.owner, bench.id, "no/such", "x"),
        lambda: bench.files.delete(bench.owner, bench.id, "no/such"),
        lambda: bench.files.tree(bench.owner, bench.id, "no/such"),
    )
    for call in calls:
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts == {"kind": "file", "key": "no/such"}
    assert bench.files.find(bench.owner, bench.id, UUID(int=5)) is None
    with pytest.raises(NotFound) as caught:
        bench.files.get(bench.owner, bench.id, UUID(int=5))
    assert caught.value.facts == {"kind": "file", "key": UUID(int=5)}


def test_the_tree_of_a_folder_holds_the_folder_and_what_is_below(bench: Bench) -> None:
    for path in ("a/z.py", "a.py", "ab/c.py", "a/B.py"):
        write(bench, path)
    assert [stamp.path for stamp in bench.files.tree(bench.owner, bench.id, "a")] == ["a", "a/B.py", "a/z.py"]
    everything = [stamp.path for stamp in bench.files.tree(bench.owner, bench.id)]
    assert everything == sorted(everything)


def test_pages_follow_each_other_by_path(bench: Bench) -> None:
    for path in ("c.py", "a.py", "b.txt", "d/e.py"):
        write(bench, path)
    first = bench.files.page(bench.owner, bench.id, limit=3)
    rest = bench.files.page(bench.owner, bench.id, limit=3, cursor=first.next_cursor)
    assert [item.path for item in (*first.items, *rest.items)] == ["a.py", "b.txt", "c.py", "d", "d/e.py"]
    python = bench.files.page(bench.owner, bench.id, where=field("language").eq("Python"))
    assert [item.path for item in python.items] == ["a.py", "c.py", "d/e.py"]
    with pytest.raises(InvalidCursor):
        bench.files.page(bench.owner, bench.id, cursor="AAAA")


def test_another_project_is_another_tree(bench: Bench) -> None:
    write(bench, "a.py")
    file = bench.files.read(bench.owner, bench.id, "a.py")
    other = bench.new_project()
    assert bench.files.find(bench.owner, other, file.id) is None
    with pytest.raises(NotFound):
        bench.files.read(bench.owner, other, "a.py")


def test_who_may_only_read_cannot_write(bench: Bench) -> None:
    write(bench, "a.py")
    assert bench.files.read(bench.viewer, bench.id, "a.py").content == "x = 1\n"
    for call in _writes(bench, bench.viewer):
        with pytest.raises(PermissionDenied) as caught:
            call()
        assert caught.value.action == "files.write"
    assert bench.trail_names() == ["file.created"] + ["permission.denied"] * 4
    assert bench.counters() == (1, 1)


def test_for_a_stranger_the_project_does_not_exist(bench: Bench) -> None:
    write(bench, "a.py")
    for call in (*_writes(bench, bench.stranger), lambda: bench.files.read(bench.stranger, bench.id, "a.py")):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts == {"kind": "project", "key": bench.id}


def test_an_archived_project_is_only_read(bench: Bench) -> None:
    write(bench, "a.py")
    bench.archive()
    assert bench.files.read(bench.owner, bench.id, "a.py").path == "a.py"
    for call in _writes(bench, bench.owner):
        with pytest.raises(ReadOnlyProject):
            call()


def _writes(bench: Bench, actor: Any) -> tuple[Any, ...]:
    return (
        lambda: bench.files.write(actor, bench.id, "a.py", "new"),
        lambda: bench.files.make_folder(actor, bench.id, "new"),
        lambda: bench.files.move(actor, bench.id, "a.py", "b.py"),
        lambda: bench.files.delete(actor, bench.id, "a.py"),
    )


@pytest.mark.parametrize("wrong", [None, 7, b"a.py", ["a.py"], "", "/a", "a/../b", "a\0b", "a\ud800", "x" * 1001])
def test_wrong_paths_are_named(bench: Bench, wrong: Any) -> None:
    calls: dict[str, tuple[Callable[[], object], ...]] = {
        "path": (
            lambda: bench.files.write(bench.owner, bench.id, wrong, "x"),
            lambda: bench.files.read(bench.owner, bench.id, wrong),
            lambda: bench.files.make_folder(bench.owner, bench.id, wrong),
            lambda: bench.files.delete(bench.owner, bench.id, wrong),
        ),
        "source": (lambda: bench.files.move(bench.owner, bench.id, wrong, "x"),),
        "target": (lambda: bench.files.move(bench.owner, bench.id, "x", wrong),),
    }
    if wrong is not None:
        calls["folder"] = (lambda: bench.files.tree(bench.owner, bench.id, wrong),)
    for name, several in calls.items():
        for call in several:
            with pytest.raises(InvalidValue) as caught:
                call()
            assert caught.value.field == name


@pytest.mark.parametrize("wrong", [None, 7, ["x"], "a\0b", "\ud800", bytearray(b"x")])
def test_wrong_content_is_named(bench: Bench, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        bench.files.write(bench.owner, bench.id, "a.py", wrong)
    assert caught.value.field == "content"
    assert bench.trail() == []


@pytest.mark.parametrize("wrong", [7, "x", [], {"k": {1, 2}}, {1: 2}, {"k": float("nan")}])
def test_wrong_metadata_is_named(bench: Bench, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        bench.files.write(bench.owner, bench.id, "a.py", "x", metadata=wrong)
    assert caught.value.field.startswith("metadata")


@pytest.mark.parametrize("wrong", [None, 7, "x", str(UUID(int=1))])
def test_wrong_ids_and_actors_are_named(bench: Bench, wrong: Any) -> None:
    calls: dict[str, Callable[[], object]] = {
        "project_id": lambda: bench.files.write(bench.owner, wrong, "a.py", "x"),
        "file_id": lambda: bench.files.get(bench.owner, bench.id, wrong),
        "actor": lambda: bench.files.read(wrong, bench.id, "a.py"),
    }
    for name, call in calls.items():
        with pytest.raises(InvalidValue) as caught:
            call()
        assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("where", 7),
        ("where", "path"),
        ("nonsense", field("nonsense").eq(1)),
        ("path", field("path").eq(1)),
        ("order_by", 7),
        ("order_by", []),
        ("order_by", ["id", "id"]),
        ("limit", -1),
        ("limit", 1001),
        ("limit", True),
        ("cursor", 7),
        ("cursor", "\0"),
    ],
)
def test_wrong_listings_are_named(bench: Bench, name: str, wrong: Any) -> None:
    option = "where" if name in ("nonsense", "path") else name
    for service in (bench.files, bench.deployments, bench.reviews, bench.tests):
        if option == "where" and service is not bench.files:
            continue
        with pytest.raises(InvalidValue) as caught:
            service.page(bench.owner, bench.id, **{option: wrong})
        assert caught.value.field == ("field" if name == "nonsense" else name)


def test_two_writers_at_once_leave_exact_counters(bench: Bench) -> None:
    write(bench, "old.py", "1\n")
    files = bench.interrupted(lambda: write(bench, "src/b.py")).files
    files.write(bench.owner, bench.id, "src/a.py", "1\n2\n")
    assert bench.counters() == bench.recount()
    files = bench.interrupted(lambda: write(bench, "c.py")).files
    files.delete(bench.owner, bench.id, "old.py")
    assert bench.counters() == bench.recount()
    files = bench.interrupted(lambda: write(bench, "src/d.py")).files
    files.move(bench.owner, bench.id, "src", "new/lib")
    assert bench.counters() == bench.recount()
    assert [stamp.path for stamp in bench.files.tree(bench.owner, bench.id) if stamp.type is FileType.FILE] == [
        "c.py",
        "new/lib/a.py",
        "new/lib/b.py",
        "new/lib/d.py",
    ]


def test_round_trips(bench: Bench) -> None:
    write(bench, "src/deep/a.py")
    assert bench.trips == 3
    write(bench, "src/deep/a.py", "changed\n")
    assert bench.trips == 3
    bench.files.move(bench.owner, bench.id, "src/deep", "lib/far/deep")
    assert bench.trips == 3
    bench.files.move(bench.owner, bench.id, "lib/far/deep/a.py", "a.py")
    assert bench.trips == 3
    bench.files.read(bench.owner, bench.id, "a.py")
    assert bench.trips == 1
    bench.files.tree(bench.owner, bench.id)
    assert bench.trips == 1
    bench.files.page(bench.owner, bench.id)
    assert bench.trips == 1
    bench.files.delete(bench.owner, bench.id, "lib")
    assert bench.trips == 3


PATHS = st.lists(st.sampled_from(["a", "b", "é", "b.py"]), min_size=1, max_size=4).map("/".join)
CONTENTS = st.sampled_from(["", "x", "x\n", "x\ny\n\n", b"\0binary", b"1\n2"])
CALLS = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("make_folder"), PATHS),
    st.tuples(st.just("move"), PATHS, PATHS),
    st.tuples(st.just("delete"), PATHS),
)


@settings(max_examples=60, deadline=None)
@given(calls=st.lists(CALLS, max_size=25))
def test_counters_and_tree_hold_after_any_calls(calls: list[tuple[Any, ...]]) -> None:
    bench = Bench()
    model: dict[str, str | bytes | None] = {}
    for name, *arguments in calls:
        before = bench.files.page(bench.owner, bench.id, limit=1000).items
        try:
            getattr(bench.files, name)(bench.owner, bench.id, *arguments)
        except VibecoreError:
            assert bench.files.page(bench.owner, bench.id, limit=1000).items == before
        else:
            _apply(model, name, *arguments)
        assert bench.counters() == bench.recount()
    _check_tree(bench, model)


def _apply(model: dict[str, str | bytes | None], name: str, path: str, other: Any = None) -> None:
    if name == "delete":
        for known in [known for known in model if known == path or is_within(known, path)]:
            del model[known]
        return
    if name == "move":
        moved = {known: model.pop(known) for known in list(model) if known == path or is_within(known, path)}
        model |= {other + known.removeprefix(path): value for known, value in moved.items()}
        path = other
    elif name == "write":
        model[path] = other
    else:
        model[path] = None
    above = parent_of(path)
    while above is not None:
        model[above] = None
        above = parent_of(above)


def _check_tree(bench: Bench, model: dict[str, str | bytes | None]) -> None:
    entries = {entry.path: entry for entry in bench.files.page(bench.owner, bench.id, limit=1000).items}
    assert sorted(entries) == sorted(model)
    for path, entry in entries.items():
        above = parent_of(path)
        assert entry.name == name_of(path)
        assert entry.parent_id == (None if above is None else entries[above].id)
        assert above is None or entries[above].type is FileType.FOLDER
        value = model[path]
        data = value.encode() if isinstance(value, str) else value
        assert entry.type is (FileType.FOLDER if data is None else FileType.FILE)
        assert entry.digest == (None if data is None else sha256(data).hexdigest())
