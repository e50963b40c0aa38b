"""Environments: where deployments run, under one spelling of their names, and of which tier they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from vibecore.domain.deployments import Deployment
from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import check_text

PRODUCTION: Final = "production"
"""The environment that a project in status `deployed` runs in, and which its version and address are those of."""

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,48}[A-Za-z0-9])?")
_WORD: Final = re.compile("[a-z]+")


class EnvironmentTier(StrEnum):
    """What an environment is for: GitLab's five deployment tiers."""

    PRODUCTION = "production"
    STAGING = "staging"
    TESTING = "testing"
    DEVELOPMENT = "development"
    OTHER = "other"


_TIERS: Final = (
    (EnvironmentTier.DEVELOPMENT, ("dev", "preview", "review", "trunk"), ()),
    (EnvironmentTier.TESTING, ("accept", "acpt", "integration", "qa", "qc", "quality", "test", "tst"), ("int", "uat")),
    (EnvironmentTier.STAGING, ("demo", "model", "nonprod", "preprod", "stag", "stg"), ("non", "pre")),
    (EnvironmentTier.PRODUCTION, ("live", "prd", "prod"), ()),
)
"""What a word of the name begins with, and whole words. The first tier that has one of them is it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment with what runs and what is on its way there."""

    name: str
    tier: EnvironmentTier
    running: Deployment | None
    in_flight: Deployment | None


def environment_name(value: object) -> str:
    """The one spelling of an environment's name; InvalidValue with field "environment"."""
    text = check_text("environment", value).strip()
    if not _NAME.fullmatch(text):
        raise InvalidValue("environment", "must be 1 to 50 letters and digits, with '.', '_', '-' or '/' between them")
    return text.lower()


def tier_of(name: str) -> EnvironmentTier:
    """The tier that a name tells of, as GitLab derives it: by what its words begin with, in the order development,
    testing, staging, production, so that "pre-prod" and "prod-test" are no production; else `other`.

    GitLab looks for such letters anywhere, here they begin a word: "mint" is not `int`.
    """
    words = _WORD.findall(name.lower())
    for tier, beginnings, whole in _TIERS:
        if any(word.startswith(beginnings) or word in whole for word in words):
            return tier
    return EnvironmentTier.OTHER
