"""Names of environments and the tiers that they tell of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.environments import EnvironmentTier, tier_of

P, S, T, D, O = EnvironmentTier  # noqa: E741  # the initials of the five tiers


@pytest.mark.parametrize(
    ("name", "tier"),
    [
        *[(name, P) for name in ("production", "prod", "prod-eu", "prd2", "live", "eu.production", "gprd/live")],
        *[(name, S) for name in ("staging", "stage", "stg", "pre-prod", "preprod", "nonprod", "non-prod", "demo")],
        *[(name, T) for name in ("test", "testing", "qa", "qc", "uat", "int", "prod-test", "acceptance", "tst1")],
        *[(name, D) for name in ("dev", "development", "review/login-test", "trunk", "preview-7", "dev-prod")],
        *[(name, O) for name in ("canary", "mint", "customer-portal", "x", "7", "alive", "reproduction", "print")],
    ],
)
def test_a_name_tells_the_tier(name: str, tier: EnvironmentTier) -> None:
    """By the beginning of a word, the first of development, testing, staging and production that fits."""
    assert tier_of(name) is tier
    assert tier_of(name.upper()) is tier


@given(st.text(st.characters(codec="ascii"), max_size=50))
def test_every_name_has_a_tier(name: str) -> None:
    """Whatever it is made of, the same each time."""
    assert tier_of(name) is tier_of(name)
