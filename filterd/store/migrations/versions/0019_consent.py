"""The role of who asked, and the digest of the text that was shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the columns: who asked before counts as the holder, and of those texts no digest was kept."""
    op.add_column("request", sa.Column("role", sa.String(16), nullable=False, server_default="holder"))
    op.add_column("request", sa.Column("text_digest", sa.String(64), nullable=False, server_default=""))
