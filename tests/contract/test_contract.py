"""The whole contract suite, on every backend."""

from __future__ import annotations

from vibecore.testing.contract.writes import *  # noqa: F403
