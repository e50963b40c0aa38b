"""Ids that follow from others, so that a statement over many rows needs none of them from outside."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID


def derived_id(salt: UUID, id: UUID) -> UUID:
    """The id of the copy that `salt` names of the row `id`: the same wherever it is computed, no other for any other.

    A UUID of version 8 (RFC 9562) from the SHA-256 of both: 120 bits of it, the variant's free ones being zero.
    """
    digest = sha256(salt.bytes + id.bytes).hexdigest()
    return UUID(f"{digest[:12]}8{digest[13:16]}8{digest[17:32]}")
