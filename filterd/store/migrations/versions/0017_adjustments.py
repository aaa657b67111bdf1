"""The changes that a line makes to its profile, and the ends of its own names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the columns: no line has made a change yet, and every own name stays."""
    op.add_column("line_state", sa.Column("adjustments", sa.Text(), nullable=False, server_default=""))
    op.add_column("own_name", sa.Column("ends_at", sa.Integer(), nullable=False, server_default=sa.text("0")))
    some = sa.text("ends_at > 0")
    op.create_index("ix_own_name_ends_at", "own_name", ["ends_at"], sqlite_where=some, postgresql_where=some)
