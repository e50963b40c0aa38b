"""${message}

Frozen once released: imports alembic and sqlalchemy only, and its SQL files are never edited again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    _run("${up_revision}_change.sql")


def downgrade() -> None:
    _run("${up_revision}_down.sql")


def _run(name: str) -> None:
    # Without parameters, so that neither `%` nor `:name` means anything to the driver.
    sql = (Path(__file__).parent.parent / "sql" / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
