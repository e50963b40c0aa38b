"""Merging JSON documents: RFC 7396."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`document` with what `patch` gives (RFC 7396, JSON Merge Patch): a None removes its key, objects merge key by
    key, and everything else, arrays too, takes the place of what was there."""
    result = dict(document)
    for key, value in patch.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result
