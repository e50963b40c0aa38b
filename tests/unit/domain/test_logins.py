"""What a login comes to: only one of the results has an actor, and none shows its token."""

from __future__ import annotations

import copy
import pickle
from typing import Any
from uuid import UUID

import pytest

from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, LoginIncomplete, LoginThrottled
from vibecore.domain.logins import Authenticated, Challenge, Denied, EmailUnverified, EnrolmentRequired, Throttled
from vibecore.domain.profiles import Profile, SessionInfo
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS
from vibecore.testing.builders import build
from vibecore.testing.effects import START

TOKEN = "vcs_canary"
UNFINISHED = [
    (Denied(), AuthenticationFailed, {}),
    (Throttled(retry_at=START), LoginThrottled, {"retry_at": START}),
    (Throttled(retry_at=None), LoginThrottled, {"retry_at": None}),
    (EmailUnverified(), LoginIncomplete, {"missing": "a confirmed address"}),
    (
        EnrolmentRequired(challenge=TOKEN, expires_at=START),
        LoginIncomplete,
        {"missing": "the enrolment of a second factor"},
    ),
    (Challenge(challenge=TOKEN, expires_at=START), LoginIncomplete, {"missing": "a second factor"}),
]


def signed_in() -> Authenticated:
    user = build(USERS)
    return Authenticated(
        user=Profile.of(user),
        actor=Actor.of_user(user, session_id=UUID(int=1)),
        token=TOKEN,
        session=SessionInfo.of(build(SESSIONS, user_id=user.id)),
        device_token=TOKEN,
    )


@pytest.mark.parametrize(("login", "error", "facts"), UNFINISHED, ids=lambda value: type(value).__name__)
def test_nobody_is_signed_in_before_the_end(
    login: Any, error: type[AuthenticationFailed], facts: dict[str, Any]
) -> None:
    """Who expects success gets the error that says what is missing; it has the same facts after pickling."""
    for name in ("actor", "authenticated"):
        with pytest.raises(AuthenticationFailed) as caught:
            getattr(login, name)
        assert type(caught.value) is error
        assert caught.value.facts == pickle.loads(pickle.dumps(caught.value)).facts == facts


def test_the_end_has_an_actor() -> None:
    """And is what `authenticated` gives."""
    login = signed_in()
    assert login.authenticated is login
    assert login.actor.user_id == login.user.id


@pytest.mark.parametrize(
    "login", [signed_in(), *(each for each, _, _ in UNFINISHED[-2:])], ids=lambda v: type(v).__name__
)
def test_tokens_stay_inside(login: object) -> None:
    """Neither repr nor str shows one, and no copy is made."""
    assert TOKEN not in repr(login) + str(login)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(login)
