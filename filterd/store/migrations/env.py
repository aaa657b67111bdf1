"""The entry point of Alembic: runs the migrations on the connection that :mod:`filterd.store.schema`
provides.

The caller has begun the transaction, so that a failing migration leaves the store as it was.
"""

from __future__ import annotations

from alembic import context

from filterd.store.publication_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
