from __future__ import annotations

from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.tokens import make_session_token, parse_session_token

USER = UUID("0198f2b4-7c9e-7aaa-8bbb-000000000001")
TOKEN = make_session_token(USER, b"\xff" * 32)


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_a_token_tells_its_user_and_its_digest(user_id: UUID, secret: bytes) -> None:
    """The prefix and 64 characters; the store knows the digest of all of it."""
    token = make_session_token(user_id, secret)
    assert token.startswith("vcs_")
    assert len(token) == 4 + 64
    assert parse_session_token(token) == (user_id, sha256(token.encode()).hexdigest())


@given(st.text(max_size=80))
def test_any_other_text_is_no_token(text: str) -> None:
    """Whatever a client sends, nothing is raised."""
    assert parse_session_token(text) is None


@pytest.mark.parametrize(
    "text",
    [
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "\n",
        " " + TOKEN,
        "vck_" + TOKEN[4:],
        "VCS_" + TOKEN[4:],
        TOKEN[:-1] + "=",
        TOKEN[:-1] + "+",
        TOKEN[:-1] + "/",
        TOKEN[:-1] + "é",
        TOKEN[:-1] + "\0",
        TOKEN[:-1] + "\ud800",
    ],
)
def test_a_damaged_token_is_no_token(text: str) -> None:
    """One spelling only: no padding, no other alphabet, nothing around it."""
    assert parse_session_token(text) is None


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_short_secret_makes_no_token(size: int) -> None:
    """A source of randomness that gives too little is a fault, not a weaker token."""
    with pytest.raises(ValueError, match="32 random bytes"):
        make_session_token(USER, bytes(size))
