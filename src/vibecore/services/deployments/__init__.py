"""Deployments: what runs where, the steps that bring it there, the way back, and what it said meanwhile."""

from __future__ import annotations

from vibecore.services.deployments.logs import LogMethods
from vibecore.services.deployments.making import MakingMethods
from vibecore.services.deployments.reads import ReadMethods
from vibecore.services.deployments.steps import StepMethods


class DeploymentService(MakingMethods, StepMethods, ReadMethods, LogMethods):
    """`vibe.deployments`."""
