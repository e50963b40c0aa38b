"""The quality score: `gather` counts a project's evidence, `assess` turns the counts into an explained score.

Pure integers; `calculate_project_quality()` computes the same in the database. docs/quality.md has the rules.
"""

from __future__ import annotations

from vibecore.domain.quality.evidence import gather
from vibecore.domain.quality.formula import MODEL, assess
from vibecore.domain.quality.inputs import QualityInputs
from vibecore.domain.quality.report import Advice, Component, QualityReport

__all__ = ["MODEL", "Advice", "Component", "QualityInputs", "QualityReport", "assess", "gather"]
