from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.paths import (
    MAX_NAME_LENGTH,
    MAX_PATH_BYTES,
    MAX_PATH_LENGTH,
    case_key,
    depth,
    is_within,
    moved,
    name_of,
    normalise_path,
    parent_of,
    parents,
)

SEGMENTS = (
    st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="/"), min_size=1, max_size=12)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(lambda text: text not in (".", ".."))
)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=6).map("/".join)

REFUSED = [
    ("", "must not be empty"),
    ("/", "must be relative"),
    ("/etc/passwd", "must be relative"),
    ("//host/share", "must be relative"),
    ("a//b", "must not contain an empty segment"),
    ("a/", "must not contain an empty segment"),
    (".", "must not contain a '.' segment"),
    ("..", "must not contain a '..' segment"),
    ("./a", "must not contain a '.' segment"),
    ("a/../b", "must not contain a '..' segment"),
    ("a/b/..", "must not contain a '..' segment"),
    ("a\0b", "must not contain control characters"),
    ("a\nb", "must not contain control characters"),
    ("a\x7f", "must not contain control characters"),
    ("a\x85b", "must not contain control characters"),
    ("a\ud800", "must not contain lone surrogates"),
    ("\udcff/x", "must not contain lone surrogates"),
    ("x" * 256, "has a segment of 256 characters, at most 255 are allowed"),
    ("ab/" * 333 + "cd", "has 1001 characters, at most 1000 are allowed"),
    ("x" * 100_000, "has 100000 characters, at most 1000 are allowed"),
    ("/".join(["\U0001f600" * 200] * 4), "has 3203 bytes in UTF-8, at most 2600 are allowed"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_a_broken_rule_is_refused_with_its_reason(text: str, reason: str) -> None:
    """Each rule has one reason, on the field "path"."""
    with pytest.raises(InvalidValue) as caught:
        normalise_path(text)
    assert (caught.value.field, caught.value.reason) == ("path", reason)


@pytest.mark.parametrize("value", [None, 7, b"a", ["a"]], ids=repr)
def test_what_is_not_text_is_refused(value: object) -> None:
    """A wrong type is an InvalidValue, not a TypeError from within."""
    with pytest.raises(InvalidValue) as caught:
        normalise_path(value)  # type: ignore[arg-type]  # the wrong type is the point
    assert caught.value.reason == "must be text"


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b",
        ".git",
        "...",
        "a/..b",
        "a b/ c ",
        "back\\slash",
        "C:/x",
        "naïve/日本語.py",
        "-",
        "~",
        "\U0001f600",
    ],
)
def test_odd_and_legal_paths_stay_as_they_are(path: str) -> None:
    """Only the listed rules refuse: blanks, dots inside names, backslashes and drive letters are names."""
    assert normalise_path(path) == path


def test_the_limits_are_inclusive() -> None:
    """The longest legal path in code points, in bytes and in one segment is accepted, one more is not."""
    longest = "/".join(["x" * 249] * 4) + "x"
    assert normalise_path(longest) == longest
    assert len(longest) == MAX_PATH_LENGTH
    assert normalise_path("x" * MAX_NAME_LENGTH) == "x" * MAX_NAME_LENGTH
    heavy = "/".join(["語" * 216] * 4) + "abcde"
    assert normalise_path(heavy) == heavy
    assert len(heavy.encode()) == MAX_PATH_BYTES
    with pytest.raises(InvalidValue, match="2601 bytes"):
        normalise_path(heavy + "f")


def test_lengths_count_after_normalisation() -> None:
    """A decomposed name that fits once composed is accepted, and comes back composed."""
    assert normalise_path("e\u0301" * 255) == "é" * 255


def test_an_index_entry_holds_the_longest_path() -> None:
    """Header, uuid, length word and path, rounded up to 8 bytes, stay within PostgreSQL's 2,704 bytes."""
    entry = 8 + 16 + 4 + MAX_PATH_BYTES
    assert -(-entry // 8) * 8 <= 2704


@given(st.text(max_size=40))
def test_the_result_keeps_every_rule_and_is_a_fixed_point(text: str) -> None:
    """Whatever is accepted is NFC, relative, free of empty and dot segments, and normalises to itself."""
    try:
        path = normalise_path(text)
    except InvalidValue as error:
        assert error.field == "path"
        return
    assert unicodedata.is_normalized("NFC", path)
    assert not {"", ".", ".."} & set(path.split("/"))
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in path)
    assert normalise_path(path) == path


@given(PATHS)
def test_every_normal_form_of_a_path_is_the_same_path(path: str) -> None:
    """Composed and decomposed spellings meet in one path."""
    assert normalise_path(unicodedata.normalize("NFD", path)) == normalise_path(path) == path


@given(PATHS)
def test_parents_lead_from_the_top_to_the_path(path: str) -> None:
    """Each parent holds the next, the last is `parent_of`, and their number is the depth less one."""
    above = parents(path)
    assert len(above) == depth(path) - 1
    assert (above[-1] if above else None) == parent_of(path)
    for outer, inner in pairwise((*above, path)):
        assert parent_of(inner) == outer
        assert is_within(inner, outer)
        assert is_within(path, outer)
    assert "/".join([*above[-1:], name_of(path)]) == path
    assert all(normalise_path(folder) == folder for folder in above)


def test_the_family_of_a_path() -> None:
    """What the functions say of one nested and of one top-level path."""
    assert parents("a/b/c.py") == ("a", "a/b")
    assert (name_of("a/b/c.py"), parent_of("a/b/c.py"), depth("a/b/c.py")) == ("c.py", "a/b", 3)
    assert (name_of("c.py"), parent_of("c.py"), parents("c.py"), depth("c.py")) == ("c.py", None, (), 1)


def test_within_means_strictly_below() -> None:
    """A folder is not within itself, and a common prefix of names is not a folder."""
    assert is_within("a/b", "a")
    assert not is_within("a", "a")
    assert not is_within("ab/c", "a")
    assert not is_within("a", "a/b")


@given(PATHS, PATHS, SEGMENTS)
def test_moving_there_and_back_restores_the_path(source: str, target: str, name: str) -> None:
    """Moving is invertible, keeps what is below the source, and yields legal paths."""
    assume(not is_within(target, source) and not is_within(source, target))
    path = f"{source}/{name}"
    there = moved(path, source, target)
    assert there == f"{target}/{name}" == normalise_path(there)
    assert moved(there, target, source) == path
    assert moved(source, source, target) == target


def test_a_move_refuses_what_cannot_be() -> None:
    """A folder does not fit into itself, a stranger does not move along, and limits hold for what moves."""
    with pytest.raises(InvalidValue) as caught:
        moved("a/x", "a", "a/b")
    assert caught.value.field == "target"
    with pytest.raises(InvalidValue) as caught:
        moved("ab/x", "a", "c")
    assert caught.value.field == "path"
    with pytest.raises(InvalidValue, match="at most 1000"):
        moved("a/" + "x" * 200, "a", "/".join(["y" * 200] * 4))
    with pytest.raises(InvalidValue, match="at most 2600"):
        moved("a/" + "語" * 100, "a", "/".join(["語" * 200] * 4))


def test_the_case_key_joins_spellings_of_one_name() -> None:
    """Case and normal form do not matter to it; different names stay apart."""
    assert case_key("Src/README.md") == case_key("src/readme.MD")
    assert case_key("Straße") == case_key("STRASSE")
    assert case_key("É") == case_key("e\u0301")
    assert case_key("a/b") != case_key("a/c")
