"""Scores: the stored history of a project's quality, with what explains each."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Final

from vibecore.domain.fields import Id, Moment
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.rules import Integer, Json, Numeric, Text
from vibecore.domain.schema import Index, Reference, Table, updated_index

Points = Annotated[Decimal, Numeric(5, 2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityScore:
    """One assessment: `score` (None: nothing measured) within [`lower`, `upper`], all 0 to 100.

    `inputs` are the integers that the formula took, `components` what each contributed, `model` the formula's version.
    """

    id: Id
    project_id: Id
    score: Points | None = None
    lower: Points
    upper: Points
    confidence: Annotated[int, Integer(0, 100)]
    model: Annotated[str, Text(20, shortest=1)]
    inputs: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    components: Annotated[JsonObject, Json()] = EMPTY_OBJECT
    created_at: Moment
    updated_at: Moment


QUALITY_SCORES: Final = Table(
    QualityScore,
    "quality_scores",
    "quality_score",
    scope="project_id",
    references=(Reference("fk_quality_scores_project", "project_id", "projects"),),
    indexes=(
        Index("idx_quality_scores_project", ("project_id", "created_at", "id")),
        updated_index("quality_scores"),
    ),
)
