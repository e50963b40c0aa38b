"""Users, sessions and API keys: `vibecore.repositories.users`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.errors import ReadOnlyTransaction
from vibecore.domain.recovery_codes import RECOVERY_CODES
from vibecore.domain.sessions import SESSIONS, SUPERSEDED_TOKENS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.builders import MOMENT, make
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


def test_sessions_that_have_ended_are_purged(store: Store) -> None:
    """Of all users, at either end to the microsecond, with the tokens they had; those that go on stay as they are."""
    tick, late = timedelta(microseconds=1), MOMENT + timedelta(days=1)
    ends = [(MOMENT, late), (late, MOMENT), (MOMENT - tick, MOMENT - tick)]
    with store.begin() as tx:
        ended = [make(tx, SESSIONS, expires_at=end, idle_expires_at=idle) for end, idle in ends]
        ada = ended[0].user_id
        kept = make(tx, SESSIONS, user_id=ada, expires_at=MOMENT + tick, idle_expires_at=MOMENT + tick)
        old = make(tx, SUPERSEDED_TOKENS, user_id=ada, session_id=ended[0].id)
        other = make(tx, SUPERSEDED_TOKENS, user_id=ada, session_id=kept.id)
        assert tx.sessions.purge(MOMENT) == 3
        assert tx.sessions.purge(MOMENT) == 0
        assert [tx.sessions.count(session.user_id) for session in ended] == [1, 0, 0]
        assert tx.sessions.get(ada, kept.id) == kept
        assert tx.superseded_tokens.find_many(ada, [old.id, other.id]) == {other.id: other}
        assert len(tx.users.find_many([session.user_id for session in ended])) == 3


def test_old_superseded_tokens_are_purged(store: Store) -> None:
    """Of all users, if they were superseded before the moment, not at it; their sessions stay."""
    tick = timedelta(microseconds=1)
    with store.begin() as tx:
        old = [make(tx, SUPERSEDED_TOKENS, created_at=MOMENT - tick) for _ in range(2)]
        kept = make(tx, SUPERSEDED_TOKENS, created_at=MOMENT, user_id=old[0].user_id, session_id=old[0].session_id)
        assert tx.superseded_tokens.purge(MOMENT) == 2
        assert tx.superseded_tokens.purge(MOMENT) == 0
        assert [tx.superseded_tokens.count(token.user_id) for token in old] == [1, 0]
        assert tx.superseded_tokens.get(kept.user_id, kept.id) == kept
        assert [tx.sessions.count(token.user_id) for token in old] == [1, 1]


def test_keys_that_have_ended_are_purged(store: Store) -> None:
    """Of all users, at their end to the microsecond; one without an end never is."""
    tick = timedelta(microseconds=1)
    with store.begin() as tx:
        ended = [make(tx, API_KEYS, expires_at=end) for end in (MOMENT, MOMENT - tick)]
        ada = ended[0].user_id
        kept = [make(tx, API_KEYS, user_id=ada, expires_at=end) for end in (MOMENT + tick, None)]
        assert tx.api_keys.purge(MOMENT) == 2
        assert tx.api_keys.purge(MOMENT) == 0
        assert [tx.api_keys.count(key.user_id) for key in ended] == [2, 0]
        assert tx.api_keys.find_many(ada, [key.id for key in kept]) == {key.id: key for key in kept}


def test_a_purge_is_a_write_and_its_moment_is_checked(store: Store) -> None:
    """Reading units and `Mode.SINGLE` refuse it; what is no moment is refused by name, and the unit goes on."""
    for mode in (Mode.READ, Mode.SNAPSHOT, Mode.SINGLE):
        with store.begin(mode) as tx:
            for call in (tx.sessions.purge, tx.superseded_tokens.purge, tx.api_keys.purge):
                with pytest.raises(ReadOnlyTransaction):
                    call(MOMENT)
    wrong: Any
    with store.begin() as tx:
        session = make(tx, SESSIONS)
        for wrong in (None, 1, "2024-06-01", MOMENT.date(), MOMENT.replace(tzinfo=None)):
            for call in (tx.sessions.purge, tx.superseded_tokens.purge, tx.api_keys.purge):
                with invalid("moment"):
                    call(wrong)
        assert tx.sessions.count(session.user_id) == 1


def test_a_purge_that_is_rolled_back_removes_nothing(store: Store) -> None:
    """It is a write like any other."""
    with store.begin() as tx:
        session = make(tx, SESSIONS, expires_at=MOMENT)
        tx.commit()
    with store.begin() as tx:
        assert tx.sessions.purge(MOMENT) == 1
    with store.begin() as tx:
        assert tx.sessions.get(session.user_id, session.id) == session
