"""The backend without a server: a supported store that keeps the whole contract in this process."""

from __future__ import annotations

from vibecore.repositories.memory.store import MemoryStore

__all__ = ["MemoryStore"]
