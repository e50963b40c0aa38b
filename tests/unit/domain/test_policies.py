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
    *("seen_interval", "reauthentication", "reset_lifetime", "verify_lifetime"),
)
LIMITS = ("account_limit", "client_limit", "challenge_limit", "factor_limit", "mail_limit")


@pytest.mark.parametrize("field", TIMES)
@pytest.mark.parametrize("wrong", [None, 5, timedelta(0), timedelta(seconds=-1), timedelta(days=3651)], ids=repr)
def test_times_are_positive_and_at_most_ten_years(field: str, wrong: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        AuthPolicy(**{field: wrong})
    assert caught.value.field == field


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
