"""The first schema: log and audit, subscribers, orders, and the records of feeds, snapshots and nodes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from filterd.model.audit_chain import GENESIS

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables and the rows that every writer starts from."""
    _log()
    _audit()
    _start()
    _subscribers()
    _requests()
    _orders()
    _demands()
    _feeds()
    _reports()


def _log() -> None:
    op.create_table(
        "head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("audit_sequence", sa.Integer(), nullable=False),
        sa.Column("audit_hash", sa.String(length=64), nullable=False),
        sa.Column("next_line", sa.Integer(), nullable=False),
        sa.Column("next_order", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_head"),
    )
    op.create_table(
        "change",
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("stream", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision", name="pk_change"),
    )
    op.create_index("ix_change_stream_revision", "change", ["stream", "revision"], unique=False)
    op.create_table(
        "log_floor",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_floor"),
    )


def _start() -> None:
    head = sa.table(
        "head",
        *(
            sa.column(name)
            for name in ("id", "revision", "audit_sequence", "audit_hash", "next_line", "next_order")
        ),
    )
    op.execute(
        head.insert().values(
            id=1, revision=0, audit_sequence=0, audit_hash=GENESIS, next_line=1, next_order=1
        )
    )
    floor = sa.table("log_floor", sa.column("id"), sa.column("revision"))
    op.execute(floor.insert().values(id=1, revision=0))


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=256), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_audit"),
        sa.UniqueConstraint("hash", name="uq_audit_hash"),
        sa.UniqueConstraint("previous_hash", name="uq_audit_previous_hash"),
    )
    op.create_index("ix_audit_subject", "audit", ["subject"], unique=False)


def _subscribers() -> None:
    op.create_table(
        "subscriber",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("line", name="pk_subscriber"),
        sa.UniqueConstraint("id", name="uq_subscriber_id"),
    )
    op.create_table(
        "line_state",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("opted_in", sa.Boolean(), nullable=False),
        sa.Column("profile", sa.String(length=64), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("paused_until", sa.Integer(), nullable=False),
        sa.Column("security_left", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_line_state_line"),
        sa.PrimaryKeyConstraint("line", name="pk_line_state"),
    )
    op.create_table(
        "own_name",
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("action", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_own_name_line"),
        sa.PrimaryKeyConstraint("line", "name", name="pk_own_name"),
    )


def _requests() -> None:
    op.create_table(
        "request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("who", sa.String(length=256), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("text_version", sa.String(length=64), nullable=False),
        sa.Column("reference", sa.String(length=256), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_request_line"),
        sa.PrimaryKeyConstraint("id", name="pk_request"),
    )
    op.create_index("ix_request_line", "request", ["line"], unique=False)
    op.create_table(
        "binding",
        sa.Column("prefix", sa.String(length=43), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_binding_line"),
        sa.PrimaryKeyConstraint("prefix", name="pk_binding"),
    )
    op.create_index("ix_binding_line", "binding", ["line"], unique=False)


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("authority", sa.String(length=256), nullable=False),
        sa.Column("official", sa.String(length=256), nullable=False),
        sa.Column("document", sa.String(length=256), nullable=False),
        sa.Column("document_digest", sa.String(length=64), nullable=False),
        sa.Column("ground", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Integer(), nullable=False),
        sa.Column("not_after", sa.Integer(), nullable=False),
        sa.Column("review_at", sa.Integer(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("overblocking_accepted", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.Column("added_by", sa.String(length=128), nullable=False),
        sa.Column("added_at", sa.Float(), nullable=False),
        sa.Column("accepted_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=128), nullable=False),
        sa.Column("withdrawn_at", sa.Float(), nullable=False),
        sa.Column("withdrawal_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_orders"),
        sa.UniqueConstraint("reference", name="uq_orders_reference"),
    )
    op.create_index("ix_orders_state", "orders", ["state"], unique=False)


def _demands() -> None:
    op.create_table(
        "order_name",
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=253), nullable=False),
        sa.Column("scope", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name="fk_order_name_order_number"),
        sa.PrimaryKeyConstraint("order_number", "name", "scope", name="pk_order_name"),
    )
    op.create_table(
        "order_address",
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(length=43), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name="fk_order_address_order_number"),
        sa.PrimaryKeyConstraint("order_number", "prefix", name="pk_order_address"),
    )
    op.create_table(
        "order_approval",
        sa.Column("order_number", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["order_number"], ["orders.number"], name="fk_order_approval_order_number"),
        sa.PrimaryKeyConstraint("order_number", "actor", name="pk_order_approval"),
    )


def _feeds() -> None:
    op.create_table(
        "feed_version",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("source_digest", sa.String(length=64), nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "version", name="pk_feed_version"),
    )
    op.create_table(
        "feed_check",
        sa.Column("feed", sa.String(length=64), nullable=False),
        sa.Column("checked_at", sa.Float(), nullable=False),
        sa.Column("succeeded_at", sa.Float(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("feed", name="pk_feed_check"),
    )


def _reports() -> None:
    op.create_table(
        "snapshot",
        sa.Column("file", sa.String(length=128), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("built_at", sa.Float(), nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("file", name="pk_snapshot"),
    )
    op.create_table(
        "node",
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("seen_at", sa.Float(), nullable=False),
        sa.Column("mandatory_revision", sa.Integer(), nullable=False),
        sa.Column("parental_revision", sa.Integer(), nullable=False),
        sa.Column("snapshot_digest", sa.String(length=64), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("lists", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_node"),
    )
