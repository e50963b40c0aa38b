"""Composition: what turns a URL into a platform."""

from __future__ import annotations

from vibecore.bootstrap.connect import connect
from vibecore.bootstrap.migrations import check, migrate

__all__ = ["check", "connect", "migrate"]
