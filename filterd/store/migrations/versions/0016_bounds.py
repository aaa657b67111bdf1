"""Bindings of ports and identities, whose texts are longer; and how often a line's bindings change."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Widen the column, for which SQLite writes the table anew, and make the table."""
    with op.batch_alter_table("binding") as binding:
        binding.alter_column(
            "prefix",
            type_=sa.String(length=71),
            existing_type=sa.String(length=43),
            existing_nullable=False,
        )
    op.create_table(
        "binding_pace",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Float(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_binding_pace_line_subscriber"),
        sa.PrimaryKeyConstraint("line", name="pk_binding_pace"),
    )
