"""The inputs of the quality formula, counted by the server."""

from __future__ import annotations

from dataclasses import fields
from uuid import UUID

from vibecore.domain.quality import QualityInputs
from vibecore.repositories import arguments
from vibecore.repositories.postgres._transaction import Transaction
from vibecore.repositories.postgres._wire import Result


class PostgresQuality:
    def __init__(self, tx: Transaction, prefix: str) -> None:
        self._tx = tx
        self._prefix = prefix

    def inputs(self, project_id: UUID) -> QualityInputs:
        self._tx.enter()
        project = arguments.uuid("project_id", project_id)
        names = [field.name for field in fields(QualityInputs)]
        sql = f"SELECT {', '.join(names)} FROM {self._prefix}project_quality_inputs(%s)"

        def decode(result: Result) -> QualityInputs:
            return QualityInputs(**dict(zip(names, result.rows[0], strict=True)))

        return self._tx.run(sql, (project,), decode)
