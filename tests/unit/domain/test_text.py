from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.domain.text import count_lines, decode, digest, encode, size_bytes


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 0),
        ("a", 1),
        ("a\n", 1),
        ("\n", 1),
        ("\n\n", 2),
        ("a\nb", 2),
        ("a\r\nb\r\n", 2),
        ("a\rb", 1),
        ("a\x0cb\u2028c", 1),
    ],
)
def test_the_line_rule(text: str, lines: int) -> None:
    """Only a line feed ends a line, and a last line without one counts if it is not empty."""
    assert count_lines(text) == lines


@given(st.text("a\n\r", max_size=30))
def test_lines_are_what_iterating_a_file_would_yield(text: str) -> None:
    """The rule equals the number of lines a reader that splits at line feeds gets."""
    pieces = text.split("\n")
    assert count_lines(text) == len(pieces) - (pieces[-1] == "")


@given(st.text("a\n", max_size=20), st.text("a\n", max_size=20))
def test_lines_add_up_where_the_first_part_ends_its_last_line(first: str, second: str) -> None:
    """Joining at a line end neither makes nor loses lines."""
    assert count_lines(first + "\n" + second) == count_lines(first + "\n") + count_lines(second)


@given(st.text(st.characters(codec="utf-8")))
def test_size_counts_utf8_bytes(text: str) -> None:
    """The size is that of the encoded text."""
    assert size_bytes(text) == len(text.encode()) == len(encode(text))


def test_a_lone_surrogate_has_no_size() -> None:
    """It has no UTF-8 form, and the error names the content."""
    for function in (size_bytes, encode):
        with pytest.raises(InvalidValue) as caught:
            function("a\ud800")
        assert caught.value.field == "content"


def test_the_digest_is_sha256_in_hex() -> None:
    """The well-known digest of the empty content, and 64 digits for any other."""
    assert digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest(b"abc") == hashlib.sha256(b"abc").hexdigest()


@given(st.binary())
def test_decoded_text_encodes_to_the_same_bytes(data: bytes) -> None:
    """Text is storable and keeps every byte; everything else is binary."""
    text = decode(data)
    if text is None:
        assert b"\0" in data or data.decode(errors="replace").encode() != data
    else:
        assert "\0" not in text
        assert encode(text) == data


@pytest.mark.parametrize(
    "data",
    [
        b"a\0b",
        b"\xff\xfe",
        "text".encode("utf-16"),
        b"\xc3",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"caf\xe9",
        b"\xf4\x90\x80\x80",
    ],
    ids=repr,
)
def test_binary_is_told_from_text(data: bytes) -> None:
    """NUL, truncated and over-long sequences, surrogates and other encodings are binary."""
    assert decode(data) is None


@pytest.mark.parametrize(
    "data", [b"", b"\xef\xbb\xbfx = 1\r\n", "日本語 \U0001f600".encode(), b"\x1b[0m\x0c"], ids=repr
)
def test_text_is_kept_byte_for_byte(data: bytes) -> None:
    """A byte order mark, carriage returns and control characters other than NUL survive."""
    text = decode(data)
    assert text is not None
    assert encode(text) == data
