"""The chain of the change log, what nodes report of their state, and orders that ended in a lost history.

The rows that the log has so far get no hashes: the floor is raised over them, and nodes read the full state.
The floor's hash is drawn at random, so that no two histories begin with the same one.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns, and begin the chain."""
    _chain()
    _reports()
    op.create_table(
        "lost_order",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("ended_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_lost_order"),
        sa.UniqueConstraint("reference", name="uq_lost_order_reference"),
    )


def _chain() -> None:
    op.add_column("change", sa.Column("salt", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("change", sa.Column("hash", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("head", sa.Column("change_hash", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("log_floor", sa.Column("hash", sa.String(length=64), nullable=False, server_default=""))
    change = sa.table("change")
    head = sa.table("head", sa.column("revision"), sa.column("change_hash"))
    floor = sa.table("log_floor", sa.column("revision"), sa.column("hash"))
    origin = secrets.token_hex(32)
    op.execute(sa.delete(change))
    op.execute(sa.update(head).values(change_hash=origin))
    newest = sa.select(head.c.revision).scalar_subquery()
    op.execute(sa.update(floor).values(revision=newest, hash=origin))


def _reports() -> None:
    for column in (
        sa.Column("mandatory_hash", sa.String(length=64), nullable=False, server_default=""),
        sa.Column("lag", sa.Float(), nullable=False, server_default=sa.text("0")),
        sa.Column("not_durable", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("missing", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("kept_orders", sa.Text(), nullable=False, server_default="[]"),
    ):
        op.add_column("node", column)
