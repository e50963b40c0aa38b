"""How far a login came, as a `match` that the type checkers hold to every state: read by them, never run. Lines with an
ignore must be refused by both."""
# pyright: strict

from __future__ import annotations

from typing import assert_never, assert_type

from vibecore.aio import AsyncVibe
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.logins import (
    Authenticated,
    Challenge,
    Denied,
    EmailUnverified,
    EnrolmentRequired,
    Login,
    Throttled,
)


def exhaustive(login: Login) -> str:
    """All six, each with what it has."""
    match login:
        case Authenticated():
            assert_type(login.actor, Actor)
            return login.token
        case Challenge() | EnrolmentRequired():
            return f"{login.challenge} until {login.expires_at:%H:%M}"
        case EmailUnverified():
            return "confirm"
        case Throttled():
            return "later" if login.retry_at is None else f"{login.retry_at:%H:%M}"
        case Denied():
            return "again"
        case _:
            assert_never(login)


def of_every_call(vibe: Vibe) -> None:
    """The two steps and the enrolment give the same states."""
    assert_type(vibe.auth.login(email="a@b", password="p"), Login)
    assert_type(vibe.auth.complete_challenge(challenge="c", code="1"), Login)
    assert_type(vibe.auth.complete_enrolment(challenge="c", code="1"), Login)


async def awaited(vibe: AsyncVibe) -> None:
    assert_type(await vibe.auth.login(email="a@b", password="p"), Login)
    assert_type(await vibe.auth.complete_challenge(challenge="c", code="1"), Login)
    assert_type(await vibe.auth.complete_enrolment(challenge="c", code="1"), Login)


def without_a_challenge(vibe: Vibe) -> None:
    match vibe.auth.login(email="a@b", password="p"):
        case Authenticated() | EnrolmentRequired() | EmailUnverified() | Throttled() | Denied():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


def without_an_enrolment(vibe: Vibe) -> None:
    match vibe.auth.login(email="a@b", password="p"):
        case Authenticated() | Challenge() | EmailUnverified() | Throttled() | Denied():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


def without_an_unverified_address(vibe: Vibe) -> None:
    match vibe.auth.complete_challenge(challenge="c", code="1"):
        case Authenticated() | Challenge() | EnrolmentRequired() | Throttled() | Denied():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


def without_a_throttle(vibe: Vibe) -> None:
    match vibe.auth.complete_challenge(challenge="c", code="1"):
        case Authenticated() | Challenge() | EnrolmentRequired() | EmailUnverified() | Denied():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


def without_a_denial(vibe: Vibe) -> None:
    match vibe.auth.complete_challenge(challenge="c", code="1"):
        case Authenticated() | Challenge() | EnrolmentRequired() | EmailUnverified() | Throttled():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


async def without_success(vibe: AsyncVibe) -> None:
    match await vibe.auth.complete_challenge(challenge="c", code="1"):
        case Challenge() | EnrolmentRequired() | EmailUnverified() | Throttled() | Denied():
            pass
        case left:
            assert_never(left)  # type: ignore[arg-type]


def before_it_is_known(login: Login) -> None:
    """What only one state has cannot be asked for before the state is known; `actor` can, and raises."""
    assert_type(login.actor, Actor)
    login.token  # type: ignore[union-attr]  # noqa: B018
    login.challenge  # type: ignore[union-attr]  # noqa: B018
