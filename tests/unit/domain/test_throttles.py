"""The ids that stand for what is throttled. What a limit does is in the contract of the stores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.throttles import throttle_id

parts = st.tuples(st.binary(min_size=1), st.text("abc", min_size=1), st.binary())


@given(parts, parts)
def test_ids_differ_where_anything_does(one: tuple[bytes, str, bytes], other: tuple[bytes, str, bytes]) -> None:
    """Key, kind and identifier each count, and what ends one cannot begin the next."""
    # HMAC fills keys up with zeros (RFC 2104 2): those that differ in nothing else are one key.
    same = (one[0].rstrip(b"\0"), *one[1:]) == (other[0].rstrip(b"\0"), *other[1:])
    assert (throttle_id(*one) == throttle_id(*other)) is same


def test_an_id_does_not_change_with_the_program() -> None:
    """Counters outlive it. The answer is that of `openssl dgst -sha256 -mac HMAC`."""
    assert str(throttle_id(b"k" * 32, "account", b"ada@example.org")) == "b4934f06-5a56-d278-1a95-f1079ba86da6"
