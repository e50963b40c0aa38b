"""The figures of sign-in: one that makes no sense is refused by name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from vibecore.domain.errors import InvalidValue
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.throttles import Limit
from vibecore.domain.users import UserRole

TIMES = (
    *("challenge_lifetime", "session_absolute", "session_idle", "strong_absolute", "strong_idle", "rotation_grace"),
    *(
        "seen_interval",
        "reauthentication",
        "reset_lifetime",
        "verify_lifetime",
        "device_lifetime",
        "ended_key_retention",
    ),
)
LIFETIMES = tuple(name for name in TIMES if name not in ("rotation_grace", "seen_interval", "ended_key_retention"))
LIMITS = ("account_limit", "client_limit", "challenge_limit", "factor_limit", "mail_limit")


@pytest.mark.parametrize("field", TIMES)
@pytest.mark.parametrize("wrong", [None, 5, timedelta(0), timedelta(seconds=-1), timedelta(days=3651)], ids=repr)
def test_times_are_positive_and_at_most_ten_years(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**{field: wrong})
    assert caught.value.field == field


@pytest.mark.parametrize("field", LIFETIMES)
def test_nothing_lives_for_less_than_a_second(field: str) -> None:
    """It would have ended before anybody could use it."""
    figures: dict[str, Any] = {field: timedelta(microseconds=999_999)}
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**figures)
    assert caught.value.field == field


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("figures", "field"),
    [
        *(({name: Limit(timedelta(days=1), 5, 4)}, name) for name in LIMITS),
        *(({name: Limit(timedelta(seconds=60), 5, 100)}, name) for name in ("client_limit", "mail_limit")),
        ({"challenge_lifetime": DAY + timedelta(microseconds=1)}, "challenge_lifetime"),
        (
            {"challenge_lifetime": 2 * HOUR, "challenge_limit": Limit(2 * HOUR, 5)},
            "challenge_lifetime",
        ),
        ({"challenge_lifetime": timedelta(minutes=11)}, "challenge_lifetime"),
        ({"challenge_limit": Limit(timedelta(minutes=9), 5)}, "challenge_lifetime"),
        ({"session_idle": timedelta(days=31)}, "session_idle"),
        ({"strong_idle": timedelta(hours=25)}, "strong_idle"),
        ({"strong_absolute": timedelta(days=31)}, "strong_absolute"),
        ({"session_idle": timedelta(minutes=59)}, "strong_idle"),
        ({"seen_interval": HOUR}, "seen_interval"),
        ({"seen_interval": timedelta(days=7)}, "seen_interval"),
        ({"rotation_grace": HOUR, "reauthentication": 2 * HOUR}, "rotation_grace"),
        ({"rotation_grace": timedelta(minutes=5)}, "rotation_grace"),
        ({"reauthentication": DAY}, "reauthentication"),
        ({"device_lifetime": timedelta(days=29)}, "device_lifetime"),
        ({"password_longest": 257}, "password_longest"),
    ],
)
def test_figures_that_defeat_each_other_are_refused(figures: dict[str, Any], field: str) -> None:
    """Each is sensible by itself; the error names the one that makes another worthless."""
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**figures)
    assert caught.value.field == field


def test_figures_at_the_edge_go_together() -> None:
    """What is just as long as it may be is no contradiction."""
    AuthPolicy(
        challenge_limit=Limit(HOUR, 5, 5),
        challenge_lifetime=HOUR,
        session_absolute=DAY,
        session_idle=DAY,
        strong_absolute=DAY,
        strong_idle=DAY,
        seen_interval=DAY - timedelta(microseconds=1),
        rotation_grace=timedelta(microseconds=1),
        reauthentication=DAY - timedelta(microseconds=1),
        device_lifetime=DAY,
        password_shortest=256,
        password_longest=256,
    )
    AuthPolicy(challenge_lifetime=HOUR, challenge_limit=Limit(timedelta(seconds=1), 3, 5))


@pytest.mark.parametrize("field", LIMITS)
@pytest.mark.parametrize("wrong", [None, 5, (timedelta(seconds=1), 5)], ids=repr)
def test_limits_are_limits(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**{field: wrong})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("recovery_codes", 0),
        ("recovery_codes", True),
        ("api_keys", -1),
        ("api_keys", 10_001),
        ("api_keys", True),
        ("require_verified_email", 1),
        ("second_factor_roles", {UserRole.ADMIN}),
        ("second_factor_roles", frozenset({"admin"})),
        ("totp", None),
        ("totp_issuer", ""),
        ("totp_issuer", " "),
        ("totp_issuer", "a:b"),
        ("totp_issuer", "a" * 65),
        ("totp_issuer", "é" * 33),
        ("totp_issuer", "a\0b"),
        ("totp_issuer", "\ud800"),
        ("totp_issuer", None),
    ],
)
def test_other_figures_are_checked(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**{field: wrong})
    assert caught.value.field == field


def test_the_defaults_are_those_of_the_design() -> None:
    """Where a figure comes from is told with it."""
    policy = AuthPolicy()
    assert policy.account_limit == Limit(timedelta(seconds=60), 5, 100)
    assert policy.account_limit.interval * policy.account_limit.burst == timedelta(seconds=300)
    assert policy.client_limit.interval * policy.client_limit.burst == timedelta(minutes=1)
    assert policy.factor_limit.interval * policy.factor_limit.burst == timedelta(minutes=15)
    assert (policy.session_absolute, policy.session_idle) == (timedelta(days=30), timedelta(days=7))
    assert (policy.strong_absolute, policy.strong_idle) == (timedelta(hours=24), timedelta(hours=1))
    assert AuthPolicy.strict() == AuthPolicy(password_shortest=15)
