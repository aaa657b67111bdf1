"""One module a step; its ``revision`` is what the store carries in ``alembic_version``."""
