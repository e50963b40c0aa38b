"""What an assessment says: the score, how sure it is, what each component gave, what would raise it most."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from vibecore.domain.json import JsonObject
from vibecore.domain.quality.inputs import QualityInputs

PROVISIONAL_BELOW: Final = 50
"""A score with less confidence is provisional."""


def points(centi: int) -> Decimal:
    """Centi-points as points with two places, as DECIMAL(5,2) stores them."""
    return Decimal(centi).scaleb(-2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One of the six components. Centi-points throughout, apart from `weight`, a share of 100.

    `value` is None where it could not be measured, and `missing` says what was lacking. The contributions add up
    to the score before its cap. `gain` is how much the score would rise if this component were perfect (from 0
    where there is no score yet), `lower_gain` how much the lower bound would: a missing component may gain
    nothing on the score and still be what holds the lower bound down.
    """

    name: str
    weight: int
    value: int | None
    missing: str | None
    contribution: int
    gain: int
    lower_gain: int

    def to_json(self) -> JsonObject:
        """As stored with a score; the name is the key there."""
        return JsonObject(
            {
                "gain": self.gain,
                "value": self.value,
                "weight": self.weight,
                "missing": self.missing,
                "lower_gain": self.lower_gain,
                "contribution": self.contribution,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing to do: `action` is for people; `gain` and `lower_gain` are the component's, in centi-points."""

    component: str
    action: str
    gain: int
    lower_gain: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """One assessment. `lower_centi <= score_centi <= upper_centi` wherever there is a score.

    `uncapped_centi` is the score before an open critical security issue capped it. `confidence` is a share of
    100. `advice` names what would raise the score most, first.
    """

    model: str
    inputs: QualityInputs
    score_centi: int | None
    lower_centi: int
    upper_centi: int
    uncapped_centi: int | None
    confidence: int
    components: tuple[Component, ...]
    advice: tuple[Advice, ...]

    @property
    def score(self) -> Decimal | None:
        """0.00 to 100.00, or None: nothing was measured."""
        return None if self.score_centi is None else points(self.score_centi)

    @property
    def lower(self) -> Decimal:
        """The score if everything that is missing turned out worthless. Gates look at this."""
        return points(self.lower_centi)

    @property
    def upper(self) -> Decimal:
        """The score if everything that is missing turned out perfect."""
        return points(self.upper_centi)

    @property
    def provisional(self) -> bool:
        """Whether the evidence is too thin to rely on the score."""
        return self.confidence < PROVISIONAL_BELOW

    @property
    def capped(self) -> bool:
        """Whether an open critical security issue holds the score down."""
        return self.score_centi != self.uncapped_centi

    def components_json(self) -> JsonObject:
        """The components by name, as stored with a score."""
        ordered = sorted(self.components, key=lambda component: (len(component.name), component.name))
        return JsonObject({component.name: component.to_json() for component in ordered})
