"""Users, sessions and API keys: `vibecore.repositories.users`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.recovery_codes import RECOVERY_CODES
from vibecore.domain.sessions import SESSIONS, SUPERSEDED_TOKENS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import make
from vibecore.testing.contract.expect import invalid

NOBODY: Final = UUID(int=404)


def test_users_are_found_by_the_key_of_their_address(store: Store) -> None:
    """By exactly this key; None for any other, also for texts that could not be stored."""
    with store.begin() as tx:
        user = make(tx, USERS, email="Ada@example.org", email_key="ada@example.org")
        assert tx.users.find_by_email_key("ada@example.org") == user
        for other in ("Ada@example.org", "ada@example.org ", "", "x", "%", "ada@example.or_"):
            assert tx.users.find_by_email_key(other) is None
        for wrong in ("\0", "\ud800", None, 1, b"ada@example.org"):
            with invalid("email_key"):
                tx.users.find_by_email_key(wrong)  # type: ignore[arg-type]  # what callers without a checker do


def test_sessions_are_found_with_their_user(store: Store) -> None:
    """By user and token digest together, in one answer; None where either does not fit."""
    with store.begin() as tx:
        session = make(tx, SESSIONS, token="t")  # a digest in a test
        other = make(tx, SESSIONS, token="t")  # a digest in a test
        user = tx.users.get(session.user_id)
        assert tx.sessions.find_by_token(user.id, "t") == (session, user)
        assert tx.sessions.find_by_token(other.user_id, "t") == (other, tx.users.get(other.user_id))
        assert tx.sessions.find_by_token(user.id, "T") is None
        assert tx.sessions.find_by_token(NOBODY, "t") is None
        assert tx.sessions.find_by_token(user.id, "") is None
        with invalid("user_id"):
            tx.sessions.find_by_token("x", "t")  # type: ignore[arg-type]  # what callers without a checker do
        with invalid("token"):
            tx.sessions.find_by_token(user.id, 1)  # type: ignore[arg-type]  # what callers without a checker do


def test_keys_are_found_with_their_user(store: Store) -> None:
    """By user and public prefix together, in one answer; None where either does not fit."""
    with store.begin() as tx:
        key = make(tx, API_KEYS, key_prefix="vck_1")
        user = tx.users.get(key.user_id)
        assert tx.api_keys.find_by_prefix(user.id, "vck_1") == (key, user)
        assert tx.api_keys.find_by_prefix(user.id, "vck_") is None
        assert tx.api_keys.find_by_prefix(NOBODY, "vck_1") is None
        with invalid("key_prefix"):
            tx.api_keys.find_by_prefix(user.id, "x" * 21)


def test_superseded_tokens_are_found_with_their_user(store: Store) -> None:
    """By user and digest together; they go with their session."""
    with store.begin() as tx:
        old = make(tx, SUPERSEDED_TOKENS, token="t")  # a digest in a test
        user = tx.users.get(old.user_id)
        assert tx.superseded_tokens.find_by_token(user.id, "t") == (old, user)
        assert tx.superseded_tokens.find_by_token(user.id, "T") is None
        assert tx.superseded_tokens.find_by_token(NOBODY, "t") is None
        with invalid("token"):
            tx.superseded_tokens.find_by_token(user.id, 1)  # type: ignore[arg-type]  # what callers without a checker do
        tx.sessions.delete(user.id, old.session_id)
        assert tx.superseded_tokens.find_by_token(user.id, "t") is None


def test_recovery_codes_work_once(store: Store) -> None:
    """The row is gone with the first use; nobody else's code does."""
    with store.begin() as tx:
        code = make(tx, RECOVERY_CODES, code_hash="c")
        other = make(tx, RECOVERY_CODES, code_hash="c")
        assert not tx.recovery_codes.use(NOBODY, "c")
        assert not tx.recovery_codes.use(code.user_id, "C")
        assert tx.recovery_codes.use(code.user_id, "c")
        assert not tx.recovery_codes.use(code.user_id, "c")
        assert tx.recovery_codes.count(other.user_id) == 1
        with invalid("code_hash"):
            tx.recovery_codes.use(code.user_id, None)  # type: ignore[arg-type]  # what callers without a checker do
