"""A seal for each order, part of the digest that the audit trail holds of its row.

Orders of before get theirs with an audit entry of its own (``operations.migrate``), since no digest in the
trail speaks of them yet.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column."""
    op.add_column("orders", sa.Column("seal", sa.String(length=64), nullable=False, server_default=""))
