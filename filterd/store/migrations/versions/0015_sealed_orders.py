"""Confidential orders: their entries are sealed, in a table of their own.

Those of before are sealed at the end of the migration (``store.sealing``), which has the keys.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sealed_order",
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("fingerprints", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_number"], ["orders.number"], name="fk_sealed_order_order_number_orders"
        ),
        sa.PrimaryKeyConstraint("order_number", name="pk_sealed_order"),
    )
