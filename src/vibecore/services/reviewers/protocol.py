"""What a reviewer promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from vibecore.domain.errors import VibecoreError
from vibecore.domain.issues import Issue


class NotReviewed(VibecoreError):
    """The reviewer could not judge the file, for `reason`. Nothing is known of it: that is not the same as clean."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"not reviewed: {reason}", reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReview:
    """What a reviewer says of one file."""

    issues: tuple[Issue, ...]
    """By line, column and rule; suppressed ones are among them."""
    highlights: tuple[str, ...]
    """What is good about the file, in short sentences."""
    summary: str
    lines: int
    """The lines that were reviewed, by `text.count_lines`."""


class Reviewer(Protocol):
    """Reads one file at a time. An instance may be used by several threads at once."""

    @property
    def name(self) -> str:
        """At most 100 characters; reviews are kept by file and reviewer."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """The languages it reads, as `services.languages` spells them."""
        ...

    def review(self, path: str, content: str) -> FileReview:
        """Every finding in `content`; the same arguments give the same findings.

        Every issue lies within the file. `path` tells what kind of file it is (a test, a package's front) and is not
        opened. Raises NotReviewed where the file cannot be judged; nothing else, whatever the content.
        """
        ...
