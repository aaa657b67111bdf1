"""The changes that a line makes to its profile."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column: no line has made a change yet."""
    op.add_column("line_state", sa.Column("adjustments", sa.Text(), nullable=False, server_default=""))
