"""How much an import takes in: bounds for what comes from strangers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.rules import MAX_TEXT_BYTES, Integer

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportLimits:
    """Bounds of one import. What breaks a bound of one file is skipped; an archive that breaks one of the whole is
    refused, and nothing of it is imported.

    Raises InvalidValue, which names the field.
    """

    max_file_bytes: int = 32 * MIB
    """Of one file, 1 to 64 MiB, which is what a text may have."""
    max_total_bytes: int = 4 * GIB
    """Of all files of a zip, or of an unpacked tar with its headers."""
    max_entries: int = 250_000
    """Files, folders and others in an archive. A zip's directory is read into memory, at about a kilobyte for each."""
    max_ratio: int = 250
    """Bytes that come out for one that goes in. A file of a zip is measured from 1 MiB on, an unpacked tar from 64 MiB
    on; source code has 3 to 20."""

    def __post_init__(self) -> None:
        Integer(1, MAX_TEXT_BYTES).check("max_file_bytes", self.max_file_bytes)
        for name, most in (("max_total_bytes", 2**63), ("max_entries", 2**31), ("max_ratio", 2**31)):
            _check(name, getattr(self, name), most)


def _check(name: str, value: object, most: int) -> None:
    if type(value) is not int or not 1 <= value < most:
        raise InvalidValue(name, f"must be an integer from 1 to {most - 1}")
