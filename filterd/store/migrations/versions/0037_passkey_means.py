"""The means by which a passkey was added and revoked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Add the columns: of the passkeys before, the means were not recorded."""
    for name in ("made_with", "revoked_with"):
        op.add_column("passkey", sa.Column(name, sa.String(length=32), nullable=False, server_default=""))
