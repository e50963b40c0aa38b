"""The index of contents: which sequences of three characters occur in a text, as keys that an inverted index holds.

It only ever tells where a text cannot occur: whoever asks it looks at the text itself afterwards. What it has not seen
yet, it says nothing about.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from vibecore.domain.fields import Id, Moment
from vibecore.domain.rules import Text, TextArray
from vibecore.domain.schema import Index, Reference, Table, Unique, updated_index

GRAM: Final = 3
"""Characters in a sequence; a shorter text to search for has none."""
MOST_ASKED: Final = 8
"""Sequences that one search asks for: more cost more than the texts that they rule out."""
MOST_INDEXED: Final = 1024 * 1024
"""Characters of the longest text whose sequences are kept; a longer one may hold anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentGrams:
    """The sequences of every text of a project with this digest; None: unknown, anything may occur."""

    id: Id
    project_id: Id
    digest: Annotated[str, Text(64)]
    grams: Annotated[tuple[str, ...], TextArray(longest=16)] | None = None
    created_at: Moment
    updated_at: Moment


CONTENT_GRAMS: Final = Table(
    ContentGrams,
    "content_grams",
    "content_grams",
    scope="project_id",
    uniques=(Unique("uq_content_grams_digest", ("project_id", "digest")),),
    references=(Reference("fk_content_grams_project", "project_id", "projects"),),
    indexes=(Index("idx_content_grams_grams", ("grams",), gin=True), updated_index("content_grams")),
)


def grams_of(project_id: UUID, text: str) -> tuple[str, ...] | None:
    """The keys of all sequences of a text, case-folded, within its lines; None where it is too long.

    A key is a checksum of project and sequence, so that the projects of an index do not meet in it.
    """
    if len(text) > MOST_INDEXED:
        return None
    folded = text.casefold()
    found = {first + second + third for first, second, third in set(zip(folded, folded[1:], folded[2:], strict=False))}
    return tuple(sorted(_keys(project_id, (gram for gram in found if "\n" not in gram))))


def grams_asked(project_id: UUID, folded: str) -> tuple[str, ...]:
    """Keys that a text has in which the case-folded `folded` occurs; none where it is too short."""
    last = len(folded) - GRAM
    if last < 0:
        return ()
    step = max(GRAM, last // (MOST_ASKED - 1))
    places = (*range(0, last, step)[: MOST_ASKED - 1], last)
    return tuple(sorted(_keys(project_id, (folded[place : place + GRAM] for place in places))))


def _keys(project_id: UUID, grams: Iterable[str]) -> set[str]:
    seed = zlib.crc32(project_id.bytes)
    return {f"{zlib.crc32(gram.encode(), seed):08x}" for gram in grams}
