"""Alembic's entry: runs the steps on the connection that :mod:`filterd.store.schema` hands over.

The caller has begun the transaction, and a step that fails leaves the store as it was.
"""

from __future__ import annotations

from alembic import context

from filterd.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
