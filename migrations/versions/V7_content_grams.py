"""The index of contents.

Frozen once released: imports alembic and sqlalchemy only, and its SQL files are never edited again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "V7"
down_revision = "V6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _run("V7_content_grams.sql")


def downgrade() -> None:
    _run("V7_down.sql")


def _run(name: str) -> None:
    # Without parameters, so that neither `%` nor `:name` means anything to the driver.
    sql = (Path(__file__).parent.parent / "sql" / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
