"""`vibe.files.search` on every backend, and `vibe.maintenance.index_contents`, which changes no answer."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.contract.test_file_trees import Garden
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidCursor, InvalidValue, NotFound, PermissionDenied
from vibecore.domain.searches import LONGEST_EXCERPT, MOST_LINES, FoundFile, FoundLine
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.effects import FixedClock

SYSTEM = Actor.system("nightly")


@pytest.fixture
def garden(store: Store, clock: FixedClock) -> Garden:
    return Garden(store, clock)


def search(garden: Garden, text: str, **options: Any) -> list[FoundFile]:
    """All pages."""
    found: list[FoundFile] = []
    cursor = None
    while True:
        page = garden.files.search(garden.ada, garden.id, text, cursor=cursor, **options)
        assert page.items or page.next_cursor is None
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def paths(garden: Garden, text: str, **options: Any) -> list[str]:
    return [found.path for found in search(garden, text, **options)]


def test_lines_are_found_with_their_numbers(garden: Garden) -> None:
    """From 1, by the one line rule, without their ends; overlapping matches of a line are one."""
    garden.write("src/a.py", "aaa\r\nb\n\naa")
    garden.write("src/b.py", "b\n")
    (found,) = search(garden, "aa")
    assert (found.path, found.in_name, found.line_matches) == ("src/a.py", False, 2)
    assert found.lines == (FoundLine(number=1, excerpt="aaa"), FoundLine(number=4, excerpt="aa"))
    assert found.id == garden.files.read(garden.ada, garden.id, "src/a.py").id


def test_names_and_contents_are_searched_apart_or_together(garden: Garden) -> None:
    garden.write("engine/engine.py", "engine\n")
    garden.write("engine/other.py", "the engine\n")
    garden.write("x/other.md", "nothing")
    assert paths(garden, "engine") == ["engine", "engine/engine.py", "engine/other.py"]
    assert [found.in_name for found in search(garden, "engine")] == [True, True, False]
    assert paths(garden, "engine", contents=False) == ["engine", "engine/engine.py"]
    assert paths(garden, "engine", names=False) == ["engine/engine.py", "engine/other.py"]
    assert paths(garden, "engine/o") == ["engine/other.py"]
    assert paths(garden, "engine", folder="engine") == ["engine/engine.py", "engine/other.py"]
    assert paths(garden, "other", folder="x") == ["x/other.md"]


@pytest.mark.parametrize(
    ("text", "content", "sensitive", "folded"),
    [
        ("Needle", "a needle", False, True),
        ("needle", "a needle", True, True),
        ("strasse", "Die Straße", False, True),
        ("STRASSE", "straße", False, True),
        ("ß", "MASSE", False, True),
        ("k", "\u212a", False, True),
        ("\u212a", "k", False, True),
        ("fin", "\ufb01n", False, True),
        ("stop", "\u017ftop", False, True),
        ("σ", "ΟΔΟΣ", False, True),
        ("ς", "σ", False, True),
        ("i", "İ", False, True),
        ("é", "e\u0301", False, False),
        ("%", "100%", True, True),
        ("_", "a-b", False, False),
        ("\\", "a\\b", True, True),
        ("a  b", "a b", False, False),
        (" ", "a b", True, True),
        ("\t", "a\tb", True, True),
        ("a\r", "a\r\n", True, True),
        (".*", "abc", False, False),
        ("'; --", "x'; --y", True, True),
        ("\U0001f469\u200d\U0001f4bb", "by \U0001f469\u200d\U0001f4bb", True, True),
        ("x" * 200, "x" * 200, True, True),
        ("x" * 200, "x" * 199, False, False),
    ],
)
def test_what_matches(garden: Garden, text: str, content: str, sensitive: bool, folded: bool) -> None:
    """As it stands, or as case folding has it; the same before and after the contents are indexed."""
    garden.write("file", f"zzz\n{content}\nzzz")
    for _ in range(2):
        assert bool(search(garden, text, names=False)) is sensitive
        assert bool(search(garden, text, names=False, ignore_case=True)) is folded
        garden.vibe.maintenance.index_contents(SYSTEM)


def test_a_text_does_not_match_across_lines(garden: Garden) -> None:
    garden.write("file", "one\ntwo\r\nthree")
    for text in ("onetwo", "two\rthree", "e\rt"):
        assert search(garden, text) == []


def test_binary_files_match_by_name_only(garden: Garden) -> None:
    garden.write("needle.dat", b"needle\xff\x00")
    garden.write("other.dat", b"needle\xff\x00")
    assert [(found.path, found.lines) for found in search(garden, "needle")] == [("needle.dat", ())]


def test_what_is_shown_is_bounded(garden: Garden) -> None:
    """So many lines of a file, so many characters of a line, around what matches; all matches are counted."""
    garden.write("many", "needle\n" * 50)
    (found,) = search(garden, "needle")
    assert (len(found.lines), found.line_matches) == (MOST_LINES, 50)
    for before, after in ((0, 1000), (1000, 0), (500, 500), (10, 185)):
        garden.write("many", "ß" * before + "NEEDLE" + "x" * after)
        for text, ignore_case in (("NEEDLE", False), ("needle", True)):
            (found,) = search(garden, text, ignore_case=ignore_case)
            (line,) = found.lines
            assert len(line.excerpt) == LONGEST_EXCERPT
            assert "NEEDLE" in line.excerpt


def test_pages_have_no_gaps(garden: Garden) -> None:
    """Whatever the limit; a page may be short, but an empty one is the last; cursors are those of one search."""
    for number in range(12):
        garden.write(f"{number:02}", "needle" if number % 3 else "é")
    expected = [f"{number:02}" for number in range(12) if number % 3]
    for limit in (1, 2, 5, 50):
        for ignore_case in (False, True):
            assert paths(garden, "needle", limit=limit, ignore_case=ignore_case) == expected
    page = garden.files.search(garden.ada, garden.id, "needle", limit=1)
    assert garden.files.search(garden.ada, garden.id, "needle", limit=0).items == ()
    others: tuple[tuple[str, dict[str, Any]], ...] = (
        ("other", {}),
        ("needle", {"names": False}),
        ("needle", {"ignore_case": True}),
    )
    for text, options in others:
        with pytest.raises(InvalidCursor):
            garden.files.search(garden.ada, garden.id, text, cursor=page.next_cursor, **options)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("text", {"text": ""}),
        ("text", {"text": "a\nb"}),
        ("text", {"text": "x" * 201}),
        ("text", {"text": "\0"}),
        ("text", {"text": "\ud800"}),
        ("text", {"text": b"x"}),
        ("contents", {"names": False, "contents": False}),
        ("names", {"names": None}),
        ("ignore_case", {"ignore_case": 1}),
        ("folder", {"folder": "/"}),
        ("limit", {"limit": 1001}),
    ],
)
def test_wrong_searches_are_named(garden: Garden, field: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as caught:
        garden.files.search(garden.ada, garden.id, **{"text": "x", **options})
    assert caught.value.field == field


def test_a_search_asks_for_permission_and_for_its_folder(garden: Garden) -> None:
    """A stranger learns nothing of the project, and not whether a folder is there."""
    garden.write("src/a.py", "needle")
    with pytest.raises(NotFound) as caught:
        search(garden, "needle", folder="nothing")
    assert caught.value.facts == {"kind": "file", "key": "nothing"}
    user = garden.vibe.auth.register(
        Actor.anonymous(), email="eve@example.org", password="correct horse battery staple", name="Eve"
    )
    eve = garden.vibe.auth.login(email=user.email, password="correct horse battery staple").actor
    for folder in (None, "src", "nothing"):
        with pytest.raises(NotFound) as caught:
            garden.files.search(eve, garden.id, "needle", folder=folder)
        assert caught.value.facts == {"kind": "project", "key": garden.id}
    with pytest.raises(PermissionDenied):
        garden.vibe.maintenance.index_contents(eve)


def test_the_index_follows_contents(garden: Garden) -> None:
    """A content is indexed once, wherever it stands; moves and copies need nothing; what is gone goes."""
    garden.write("a", "needle one")
    garden.write("b", "needle one")
    garden.write("c", "needle two")
    garden.write("d", b"\xff\x00")
    index = garden.vibe.maintenance.index_contents
    assert (index(SYSTEM).indexed, index(SYSTEM).indexed) == (2, 0)
    garden.copy("a", "e")
    garden.move("a", "f")
    assert index(SYSTEM).indexed == 0
    assert paths(garden, "needle") == ["b", "c", "e", "f"]
    garden.write("c", "changed needle")
    assert paths(garden, "needle") == ["b", "c", "e", "f"]
    assert paths(garden, "two") == []
    found = index(SYSTEM)
    assert (found.indexed, found.removed) == (1, 1)
    assert paths(garden, "changed") == ["c"]
    garden.delete("c")
    assert index(SYSTEM).removed == 1


def test_a_long_content_is_found_without_its_index(garden: Garden) -> None:
    garden.write("long", "x" * (1024 * 1024) + "\nneedle")
    assert garden.vibe.maintenance.index_contents(SYSTEM).indexed == 1
    with garden.store.begin(Mode.READ) as tx:
        (row,) = tx.content_grams.page(garden.id).items
    assert row.grams is None
    assert paths(garden, "needle") == ["long"]


def test_indexed_or_not_every_search_gives_the_same(garden: Garden) -> None:
    """Random texts over a small alphabet, cut from the contents or made up; half of the contents indexed, then all."""
    rng = random.Random(7)
    alphabet = "abAB \nß\u212aé"
    texts = ["".join(rng.choices(alphabet, k=rng.randrange(60))) for _ in range(40)]
    wanted = ["".join(rng.choices(alphabet.replace("\n", ""), k=rng.randrange(1, 7))) for _ in range(25)]
    for text in texts:
        start = rng.randrange(len(text) + 1)
        wanted.append(text[start : start + rng.randrange(1, 12)].replace("\n", "") or "a")
    for number, text in enumerate(texts):
        garden.write(f"{number:02}", text)
        if number == len(texts) // 2:
            garden.vibe.maintenance.index_contents(SYSTEM)

    def answers() -> list[list[str]]:
        return [paths(garden, text, names=False, ignore_case=fold) for text in wanted for fold in (False, True)]

    expected = [
        [
            f"{number:02}"
            for number, text in enumerate(texts)
            if any(asked.casefold() in line.casefold() if fold else asked in line for line in text.split("\n"))
        ]
        for asked in wanted
        for fold in (False, True)
    ]
    assert answers() == expected
    garden.vibe.maintenance.index_contents(SYSTEM)
    assert answers() == expected
