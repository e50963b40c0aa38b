"""Reviews: what a reviewer found in a file at one content digest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from vibecore.domain.fields import Count, Digest, Id, LongText, Moment, Path
from vibecore.domain.json import EMPTY_ARRAY, JsonArray
from vibecore.domain.rules import Integer, Json, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReview:
    """One run of `reviewer` over one file. `issues` are `Issue.to_json()` objects; `line_count` the lines reviewed."""

    id: Id
    project_id: Id
    file_path: Path
    language: Annotated[str, Text(50)] | None = None
    score: Annotated[int, Integer(0, 100)]
    issues: Annotated[JsonArray, Json(list)] = EMPTY_ARRAY
    summary: LongText | None = None
    highlights: Annotated[JsonArray, Json(list)] = EMPTY_ARRAY
    reviewer: Annotated[str, Text(100, shortest=1)] = "manual"
    digest: Digest | None = None
    line_count: Count = 0
    created_at: Moment
    updated_at: Moment


CODE_REVIEWS: Final = Table(
    CodeReview,
    "code_reviews",
    "code_review",
    scope="project_id",
    references=(Reference("fk_code_reviews_project", "project_id", "projects"),),
    indexes=(
        # Without the reviewer: beside a path of full length it would not fit an entry of a btree.
        Index("idx_code_reviews_project", ("project_id", "file_path", "created_at", "id")),
        Index("idx_code_reviews_issues", ("issues",), gin=True),
        updated_index("code_reviews"),
    ),
)
