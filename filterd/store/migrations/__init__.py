"""The store's schema, step by step (Alembic), run by ``filterd store migrate`` and by control."""
