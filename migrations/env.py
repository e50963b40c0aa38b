"""Runs the revisions on the connection that `vibecore.bootstrap.migrations` gives.

The connection is inside a transaction, holds the migration lock, and its search path is the schema to migrate: the
revisions name no schema. `attributes` carry `connection` and `schema`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context

from vibecore.repositories.postgres._tables import metadata


def run() -> None:
    connection: sa.Connection = context.config.attributes["connection"]
    schema: str = context.config.attributes["schema"]
    context.configure(
        connection=connection,
        target_metadata=metadata(schema),
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, _: kind != "schema" or name == schema,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
