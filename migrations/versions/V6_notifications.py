"""Notifications that renew themselves, preferences, webhooks, the outbox.

Frozen once released: imports alembic and sqlalchemy only, and its SQL files are never edited again.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "V6"
down_revision = "V5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _run("V6_notifications.sql")
    _run("foreign_key_order.sql")


def downgrade() -> None:
    _run("V6_down.sql")


def _run(name: str) -> None:
    # Without parameters, so that neither `%` nor `:name` means anything to the driver.
    sql = (Path(__file__).parent.parent / "sql" / name).read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
