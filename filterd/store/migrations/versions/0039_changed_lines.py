"""The line of each change, and the lines whose changes were pruned."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    """Add column and table, and fill the column from the payloads. Pruned changes told no line: a node that
    starts below the floor of this moment does without them."""
    op.add_column("change", sa.Column("line", sa.Integer(), nullable=True))
    postgres = op.get_bind().dialect.name == "postgresql"
    line = "CASE WHEN json_valid(payload) THEN json_extract(payload, '$.line') END"
    line = "(payload::json ->> 'line')::integer" if postgres else line
    op.execute(f"UPDATE change SET line = {line} WHERE stream = 'parental'")  # noqa: S608 - made of constants alone
    op.drop_index("ix_change_stream_revision", table_name="change")
    op.create_index("ix_change_stream_revision_line", "change", ["stream", "revision", "line"])
    op.create_table(
        "changed_line",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("line", name="pk_changed_line"),
    )
    op.create_index("ix_changed_line_revision", "changed_line", ["revision"])
