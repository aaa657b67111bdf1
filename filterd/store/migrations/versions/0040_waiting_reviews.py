"""The order in which reviews wait, so that a page of them is read alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"


def upgrade() -> None:
    """Replace the index of what is open by one that has the order too."""
    op.drop_index("ix_review_closed_at", table_name="review")
    fewer = sa.text("requests DESC")
    op.create_index("ix_review_waiting", "review", ["closed_at", "appeal_due_on", "due_on", fewer, "number"])
