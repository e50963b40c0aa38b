"""What the audit trail tells of deployments, and what their services look up alike."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.deployments import Deployment
from vibecore.domain.errors import NotFound
from vibecore.domain.paging import Page
from vibecore.domain.rules import Text

REASON: Final = Text(shortest=1)


def existing(found: Deployment | None, key: UUID) -> Deployment:
    """The deployment, or NotFound."""
    if found is None:
        raise NotFound("deployment", key)
    return found


def in_environment(page: Page[Deployment], environment: str) -> Deployment | None:
    """The first of the page that is in this environment."""
    return next((item for item in page.items if item.environment == environment), None)


def why(deployment: Deployment) -> dict[str, object]:
    """Where it happened and why, for the audit trail."""
    details: dict[str, object] = {"environment": deployment.environment}
    if deployment.reason is not None:
        details["reason"] = deployment.reason
    return details
