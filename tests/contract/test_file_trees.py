"""`vibe.files` on every backend: trees moved, renamed, copied, listed and removed, and what stands in the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest

from tests.contract.trees_checked import faults
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, InvalidCursor, InvalidValue, NotFound, VibecoreError
from vibecore.domain.files import File, FileType
from vibecore.domain.filters import field
from vibecore.domain.paging import desc
from vibecore.domain.tests import TestType
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.effects import FixedClock, fixed_effects

SYSTEM = Actor.system("files")


class Garden:
    """A project of the system's, and its files."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.vibe = Vibe(store, fixed_effects(clock=clock))
        user = self.vibe.auth.register(
            Actor.anonymous(), email="ada@example.org", password="correct horse battery staple", name="Ada"
        )
        self.ada = self.vibe.auth.login(email=user.email, password="correct horse battery staple").actor
        self.id = self.vibe.projects.create(self.ada, name="garden").id
        self.files = self.vibe.files

    def write(self, path: str, content: str | bytes = "one\ntwo\n", **more: Any) -> File:
        return self.files.write(self.ada, self.id, path, content, **more)

    def plant(self, *paths: str) -> None:
        for path in paths:
            self.write(path)

    def move(self, source: str, target: str, **more: Any) -> File:
        return self.files.move(self.ada, self.id, source, target, **more)

    def copy(self, source: str, target: str, **more: Any) -> File:
        return self.files.copy(self.ada, self.id, source, target, **more)

    def delete(self, path: str) -> int:
        return self.files.delete(self.ada, self.id, path)

    def paths(self, folder: str | None = None) -> list[str]:
        return [stamp.path for stamp in self.files.tree(self.ada, self.id, folder)]

    def counters(self) -> tuple[int, int]:
        project = self.vibe.projects.get(self.ada, self.id)
        return project.file_count, project.total_lines

    def trail(self) -> list[tuple[str, dict[str, Any]]]:
        """Names and details of the events about files, the oldest first."""
        events = self.vibe.audit.page(self.ada, project_id=self.id, order_by="created_at", limit=1000).items
        return [(event.action, dict(event.details)) for event in events if event.resource_type == "file"]


@pytest.fixture
def garden(store: Store, clock: FixedClock) -> Iterator[Garden]:
    found = Garden(store, clock)
    yield found
    assert faults(found.store, found.id) == []


def refused(call: Callable[[], object], field_name: str, reason: str = "") -> None:
    with pytest.raises(InvalidValue) as caught:
        call()
    assert caught.value.field == field_name
    assert reason in caught.value.reason


# -- copies


def test_a_copy_has_everything_but_ids_times_reviews_and_tests(garden: Garden) -> None:
    """New ids and times, folders made above; contents, metadata and languages are equal, and both trees are whole."""
    garden.write("src/app/main.py", "import os\n", metadata={"origin": "hand"})
    garden.write("src/app/deep/logo.dat", b"\xff\x00")
    garden.files.make_folder(garden.ada, garden.id, "src/app/empty")
    garden.write("src/apple.py")
    garden.vibe.reviews.record(garden.ada, garden.id, "src/app/main.py", score=80)
    garden.vibe.tests.record(garden.ada, garden.id, "src/app/main.py", test_type=TestType.UNIT, passed=3)
    before = garden.files.read(garden.ada, garden.id, "src/app/main.py")
    made = garden.copy("src/app", "lib/new/core")
    assert (made.path, made.name, made.type) == ("lib/new/core", "core", FileType.FOLDER)
    assert made == garden.files.read(garden.ada, garden.id, "lib/new/core")
    assert garden.paths("lib") == [
        "lib",
        "lib/new",
        "lib/new/core",
        "lib/new/core/deep",
        "lib/new/core/deep/logo.dat",
        "lib/new/core/empty",
        "lib/new/core/main.py",
    ]
    copied = garden.files.read(garden.ada, garden.id, "lib/new/core/main.py")
    assert (copied.content, copied.metadata, copied.digest, copied.language) == (
        "import os\n",
        {"origin": "hand"},
        before.digest,
        "Python",
    )
    assert copied.id != before.id
    assert copied.parent_id == made.id
    assert garden.files.read(garden.ada, garden.id, "src/app/main.py") == before
    assert garden.counters() == (5, 1 + 2 + 1)
    assert [review.file_path for review in garden.vibe.reviews.latest(garden.ada, garden.id)] == ["src/app/main.py"]
    assert [result.file_path for result in garden.vibe.tests.page(garden.ada, garden.id).items] == ["src/app/main.py"]
    name, details = garden.trail()[-1]
    assert name == "file.copied"
    assert (details["source"], details["changes"]["path"]) == ("src/app", [None, "lib/new/core"])
    assert details["rows"] == {"files": {"inserted": 2 + 4}}
    assert details["others"] == {str(garden.id): {"file_count": [3, 5], "total_lines": [3, 4]}}


def test_a_copied_file_takes_the_language_of_its_new_name(garden: Garden) -> None:
    before = garden.write("notes.txt", "x = 1\n")
    made = garden.copy("notes.txt", "src/notes.py")
    assert (made.language, made.content) == ("Python", "x = 1\n")
    assert garden.files.read(garden.ada, garden.id, "notes.txt") == before
    assert garden.counters() == (2, 2)


def test_copies_of_copies_are_independent(garden: Garden) -> None:
    """A change in one shows in no other, and each can go alone."""
    garden.plant("a/x.py")
    garden.copy("a", "b")
    garden.copy("b", "c/b")
    garden.copy("a", "c/a")
    garden.write("b/x.py", "changed\n")
    assert garden.files.read(garden.ada, garden.id, "c/b/x.py").content == "one\ntwo\n"
    assert garden.delete("b") == 2
    assert garden.paths() == ["a", "a/x.py", "c", "c/a", "c/a/x.py", "c/b", "c/b/x.py"]
    assert garden.counters() == (3, 6)


def test_what_cannot_be_copied_or_moved_changes_nothing(garden: Garden) -> None:
    """Into itself, onto what is there, below a file, from nowhere, beyond the limits: each by its error."""
    garden.plant("src/a.py", "src/b.py", "docs/c.md")
    deep = "/".join(["d" * 200] * 4)
    garden.plant(f"deep/{deep}/a.py")
    before, trail = garden.paths(), garden.trail()
    for call in (garden.copy, garden.move):
        refused(lambda call=call: call("src", "src/deep/src"), "target", "within the source")  # type: ignore[misc]
        refused(lambda call=call: call("src", "docs/c.md/src"), "target", "below a file")  # type: ignore[misc]
        refused(lambda call=call: call("deep", "e" * 250), "path", "after the move")  # type: ignore[misc]
        for target in ("docs", "docs/c.md", "src/b.py"):
            with pytest.raises(AlreadyExists):
                call("src/a.py", target)
        with pytest.raises(NotFound) as caught:
            call("nothing", "x")
        assert caught.value.facts == {"kind": "file", "key": "nothing"}
    with pytest.raises(AlreadyExists):
        garden.copy("src", "src")
    assert (garden.paths(), garden.trail()) == (before, trail)


# -- renames


def test_a_rename_stays_in_its_folder(garden: Garden) -> None:
    """With all below it, at any depth; told as a move."""
    garden.plant("src/app/main.py", "top.txt")
    renamed = garden.files.rename(garden.ada, garden.id, "src/app", "core")
    assert (renamed.path, renamed.name) == ("src/core", "core")
    assert garden.files.rename(garden.ada, garden.id, "top.txt", "top.py").language == "Python"
    assert garden.paths() == ["src", "src/core", "src/core/main.py", "top.py"]
    assert [name for name, _ in garden.trail()][-2:] == ["file.moved"] * 2
    trail = garden.trail()
    assert garden.files.rename(garden.ada, garden.id, "src/core", "core") == renamed
    assert garden.trail() == trail


@pytest.mark.parametrize(
    "wrong", ["", "a/b", "/", ".", "..", "a\0b", "a\n", "\x7f", "\x85", "\ud800", "x" * 256, None, 7, b"x"]
)
def test_a_new_name_is_one_segment(garden: Garden, wrong: Any) -> None:
    garden.plant("src/a.py")
    refused(lambda: garden.files.rename(garden.ada, garden.id, "src/a.py", wrong), "name")


def test_a_new_name_is_kept_in_normal_form(garden: Garden) -> None:
    garden.plant("src/a.py")
    assert garden.files.rename(garden.ada, garden.id, "src/a.py", "e\u0301.py").path == "src/\u00e9.py"


# -- paths


HOSTILE = [
    "",
    "/",
    "/etc/passwd",
    "a/",
    "a//b",
    ".",
    "..",
    "./a",
    "a/.",
    "../a",
    "a/../b",
    "a/..",
    "a\0",
    "a\nb",
    "a\rb",
    "a\tb",
    "\x1b[31m",
    "a\x7f",
    "a\x80",
    "a\x9f",
    "\ud800",
    "a/\udfff",
    "x" * 256,
    "/".join(["x" * 250] * 4),
    "/".join(["😀" * 218] * 3),
    "/".join(["e\u0301" * 130] * 8),
]


@pytest.mark.parametrize("path", HOSTILE, ids=ascii)
def test_a_hostile_path_is_refused_everywhere(garden: Garden, path: str) -> None:
    """By the name of its parameter, on reading as on writing; nothing is repaired, nothing is made."""
    garden.plant("a.py")
    files, ada, id = garden.files, garden.ada, garden.id
    for name, call in (
        ("path", lambda: files.write(ada, id, path, "x")),
        ("path", lambda: files.make_folder(ada, id, path)),
        ("path", lambda: files.read(ada, id, path)),
        ("path", lambda: files.delete(ada, id, path)),
        ("path", lambda: files.rename(ada, id, path, "x")),
        ("source", lambda: files.move(ada, id, path, "x")),
        ("source", lambda: files.copy(ada, id, path, "x")),
        ("target", lambda: files.move(ada, id, "a.py", path)),
        ("target", lambda: files.copy(ada, id, "a.py", path)),
        ("folder", lambda: files.tree(ada, id, path)),
        ("folder", lambda: files.children(ada, id, path)),
    ):
        refused(call, name)
    assert garden.paths() == ["a.py"]


ODD = [
    "a b/ c ",
    "-rf",
    "a\\b",
    "C:/x",
    "%2e%2e/x",
    "...",
    "q/.../b",
    ".hidden/.b",
    "*?[]<>|\"'",
    "_/%",
    "con/nul",
    "\u202egpj.exe",
    "\u200b",
    "e\u0301/\u00e9",
    "\U0001f469\u200d\U0001f4bb",
    "~/x",
    "$HOME",
    "'; DROP TABLE files; --",
    "x" * 255,
    "/".join(["x" * 249] * 4),
    "/".join(["😀" * 129] * 5),
]


@pytest.mark.parametrize("path", ODD, ids=ascii)
def test_an_odd_path_is_only_a_path(garden: Garden, path: str) -> None:
    """Written, read, listed, moved, copied and removed like any other; its neighbours stay."""
    garden.plant("a", "z/a", "x.py")
    stored = garden.write(path).path
    assert garden.files.read(garden.ada, garden.id, path).path == stored
    assert stored in garden.paths()
    head = stored.split("/")[0]
    garden.copy(head, "k")
    garden.move("k", "m")
    assert garden.paths("m") == ["m" + each.removeprefix(head) for each in garden.paths(head)]
    assert garden.delete("m") == len(garden.paths(head))
    assert garden.delete(head) > 0
    assert garden.paths() == ["a", "x.py", "z", "z/a"]


# -- case


def test_collisions_by_case_are_refused_on_request(garden: Garden) -> None:
    """Of the path or of a folder above it, in any normal form; without the request case counts."""
    garden.plant("src/Main.py", "straße/a", "É/b")
    strict: dict[str, Any] = {"refuse_case_collisions": True}
    files, ada, id = garden.files, garden.ada, garden.id
    reason = "only by case"
    refused(lambda: garden.write("src/main.py", **strict), "path", reason)
    refused(lambda: garden.write("SRC/other.py", **strict), "path", reason)
    refused(lambda: garden.write("STRASSE/b", **strict), "path", reason)
    refused(lambda: files.make_folder(ada, id, "e\u0301/c", **strict), "path", reason)
    refused(lambda: garden.copy("straße", "Src", **strict), "target", reason)
    refused(lambda: garden.copy("src", "SRC", **strict), "target", reason)
    refused(lambda: garden.move("straße", "SRC/x", **strict), "target", reason)
    refused(lambda: files.rename(ada, id, "straße", "É".lower(), **strict), "name", reason)
    assert garden.write("src/Main.py", "changed\n", **strict).content == "changed\n"
    assert garden.write("src/other.py", **strict).path == "src/other.py"
    assert files.make_folder(ada, id, "src", **strict).path == "src"
    garden.plant("src/main.py", "SRC/other.py")
    assert garden.paths("SRC") == ["SRC", "SRC/other.py"]


def test_an_entry_may_change_the_case_of_its_own_name(garden: Garden) -> None:
    garden.plant("readme/a")
    assert garden.files.rename(garden.ada, garden.id, "readme", "README", refuse_case_collisions=True).path == "README"
    assert garden.move("README", "Readme", refuse_case_collisions=True).path == "Readme"
    assert garden.paths() == ["Readme", "Readme/a"]


# -- listings


def test_a_folder_is_listed_in_pages(garden: Garden) -> None:
    """What it holds and no more, by name; the top level where none is named; sizes, but no contents."""
    garden.plant("src/b.py", "src/a.py", "src/deep/x.py", "src/é", "srcx", "README.md")
    files, ada, id = garden.files, garden.ada, garden.id
    assert [entry.name for entry in files.children(ada, id).items] == ["README.md", "src", "srcx"]
    first = files.children(ada, id, "src", limit=3)
    assert [entry.name for entry in first.items] == ["a.py", "b.py", "deep"]
    rest = files.children(ada, id, "src", limit=3, cursor=first.next_cursor)
    assert [entry.path for entry in rest.items] == ["src/é"]
    assert rest.next_cursor is None
    assert (first.items[0].size_bytes, first.items[0].line_count, first.items[0].language) == (8, 2, "Python")
    with pytest.raises(InvalidCursor):
        files.children(ada, id, cursor=first.next_cursor)
    refused(lambda: files.children(ada, id, "srcx"), "folder", "is a file")
    with pytest.raises(NotFound) as caught:
        files.children(ada, id, "nothing")
    assert caught.value.facts == {"kind": "file", "key": "nothing"}


def test_pages_are_filtered_by_every_field(garden: Garden) -> None:
    garden.write("src/a.py", "1\n2\n3\n", metadata={"owner": {"team": "core"}})
    garden.write("src/b.md", "x")
    garden.write("logo.dat", b"\xff\x00")
    folder = garden.files.read(garden.ada, garden.id, "src")

    def found(where: Any, **more: Any) -> list[str]:
        return [file.path for file in garden.files.page(garden.ada, garden.id, where=where, **more).items]

    assert found(field("type").eq(FileType.FOLDER)) == ["src"]
    assert found(field("parent_id").eq(folder.id)) == ["src/a.py", "src/b.md"]
    assert found(field("parent_id").missing()) == ["logo.dat", "src"]
    assert found(field("language").among(["Python", "Markdown"]), order_by=desc("path")) == ["src/b.md", "src/a.py"]
    assert found(field("line_count").ge(3)) == ["src/a.py"]
    assert found(field("size_bytes").lt(3) & field("type").eq(FileType.FILE)) == ["logo.dat", "src/b.md"]
    assert found(field("content").missing() & field("type").eq(FileType.FILE)) == ["logo.dat"]
    assert found(field("metadata").includes({"owner": {"team": "core"}})) == ["src/a.py"]
    assert found(field("path").starts_with("src/") & ~field("name").ends_with(".md")) == ["src/a.py"]


# -- concurrency


def race(*calls: Callable[[], object]) -> list[object]:
    """The outcomes of calls that begin at one moment in threads; of the platform's errors their types."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return call()
        except VibecoreError as error:
            return type(error)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


ROUNDS = 6


def test_a_move_against_a_write_into_the_moved_folder(garden: Garden) -> None:
    """The file is below the new place or in a folder made anew: nothing is lost, nothing is orphaned."""
    for round_ in range(ROUNDS):
        garden.plant(f"from{round_}/old.py")
        outcomes = race(
            lambda n=round_: garden.move(f"from{n}", f"to{n}"),  # type: ignore[misc]
            lambda n=round_: garden.write(f"from{n}/sub/new.py"),  # type: ignore[misc]
        )
        assert all(isinstance(outcome, File) for outcome in outcomes)
        assert len([path for path in garden.paths() if path.endswith("new.py")]) == round_ + 1
        assert faults(garden.store, garden.id) == []


def test_a_delete_of_a_parent_against_an_import(garden: Garden, tmp_path: Any) -> None:
    """The import makes what it needs, and what the other removed is gone or was made after."""
    (tmp_path / "pkg" / "sub").mkdir(parents=True)
    for number in range(5):
        (tmp_path / "pkg" / "sub" / f"m{number}.py").write_text("x\n")
    for _ in range(ROUNDS):
        garden.plant("pkg/sub/old.py")
        race(
            lambda: garden.files.import_tree(garden.ada, garden.id, tmp_path),
            lambda: garden.delete("pkg"),
        )
        assert faults(garden.store, garden.id) == []
        garden.plant("pkg/more.py")


def test_two_folders_moved_into_each_other_make_no_cycle(garden: Garden) -> None:
    """One goes first; the other then lies within what it would lie in, or moves into a folder made anew."""
    for round_ in range(ROUNDS):
        a, b = f"a{round_}", f"b{round_}"
        garden.plant(f"{a}/1.py", f"{b}/2.py")
        race(lambda a=a, b=b: garden.move(a, f"{b}/x"), lambda a=a, b=b: garden.move(b, f"{a}/y"))  # type: ignore[misc]
        assert len([path for path in garden.paths() if path.endswith(("1.py", "2.py"))]) == 2 * (round_ + 1)
        assert faults(garden.store, garden.id) == []


def test_a_copy_against_a_delete(garden: Garden) -> None:
    """The copy has all of the tree or finds none of it."""
    for round_ in range(ROUNDS):
        garden.plant(*(f"src/{name}.py" for name in "abc"))
        outcomes = race(
            lambda n=round_: garden.copy("src", f"copy{n}"),  # type: ignore[misc]
            lambda: garden.delete("src"),
        )
        assert outcomes[1] == 4
        copied = [path for path in garden.paths() if path.startswith(f"copy{round_}/")]
        assert len(copied) == (0 if outcomes[0] is NotFound else 3)
        assert faults(garden.store, garden.id) == []


def test_of_many_copies_to_one_place_one_wins(garden: Garden) -> None:
    garden.plant("src/a.py", "src/b.py")
    outcomes = race(*[lambda: garden.copy("src", "dst")] * 6)
    assert [type(outcome) for outcome in outcomes].count(File) == 1
    assert outcomes.count(AlreadyExists) == 5
    assert garden.counters() == (4, 8)


def _random_call(garden: Garden, rng: random.Random) -> Callable[[], object]:
    places = ["a", "b", "a/x", "b/x", "a/x/y", "c"]
    one, two = rng.choice(places), rng.choice(places)
    return rng.choice(
        [
            lambda: garden.write(f"{one}/{rng.randrange(3)}.py", "x\n" * rng.randrange(5)),
            lambda: garden.move(one, two),
            lambda: garden.copy(one, two),
            lambda: garden.delete(one),
            lambda: garden.files.make_folder(garden.ada, garden.id, one),
        ]
    )


def test_mixed_calls_from_threads_keep_the_tree_whole(garden: Garden) -> None:
    """Whatever wins: no orphan, no path that disagrees with its parent, counters exact."""
    rng = random.Random(4)
    for _ in range(10):
        race(*(_random_call(garden, rng) for _ in range(4)))
        assert faults(garden.store, garden.id) == []


def test_a_whole_transaction_of_tree_calls_is_undone_together(garden: Garden) -> None:
    """Copies, moves and deletes inside `transaction` leave no trace where it is left by an error."""
    garden.plant("src/a.py")
    before, counted = garden.paths(), garden.counters()

    def run() -> None:
        with garden.vibe.transaction() as tx:
            tx.files.copy(garden.ada, garden.id, "src", "lib")
            tx.files.move(garden.ada, garden.id, "src", "lib/src")
            assert tx.files.delete(garden.ada, garden.id, "lib") == 4
            raise RuntimeError

    with pytest.raises(RuntimeError):
        run()
    assert (garden.paths(), garden.counters()) == (before, counted)


def test_a_stranger_finds_no_tree(garden: Garden, clock: FixedClock) -> None:
    """NotFound for the project, whatever is asked of it."""
    garden.plant("src/a.py")
    user = garden.vibe.auth.register(
        Actor.anonymous(), email="eve@example.org", password="correct horse battery staple", name="Eve"
    )
    eve = garden.vibe.auth.login(email=user.email, password="correct horse battery staple").actor
    files, id = garden.files, garden.id
    for call in (
        lambda: files.copy(eve, id, "src", "x"),
        lambda: files.rename(eve, id, "src", "x"),
        lambda: files.children(eve, id, "src"),
        lambda: files.children(eve, id, "nothing"),
        lambda: files.children(eve, UUID(int=404)),
    ):
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.facts["kind"] == "project"
