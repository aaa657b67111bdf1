"""Signing in to the subscriber's portal: links, sessions, and PINs of lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Make the tables, empty."""
    _make_lines_of("sign_in_link", "link", _link_columns())
    _make_lines_of("portal_session", "session", _session_columns())
    op.create_table(
        "line_pin",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.String(length=256), nullable=False),
        sa.Column("set_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_line_pin_line"),
        sa.PrimaryKeyConstraint("line", name="pk_line_pin"),
    )
    op.create_table(
        "pin_tries",
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("closed_until", sa.Float(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name="fk_pin_tries_line"),
        sa.PrimaryKeyConstraint("line", name="pk_pin_tries"),
    )


def _make_lines_of(table: str, column: str, columns: list[sa.Column[object]]) -> None:
    """Make a table and that of the lines of each of its rows."""
    uniques = [each for each in ("digest", "code_digest") if any(found.name == each for found in columns)]
    op.create_table(
        table,
        *columns,
        sa.PrimaryKeyConstraint("number", name=f"pk_{table}"),
        *(sa.UniqueConstraint(each, name=f"uq_{table}_{each}") for each in uniques),
    )
    of_lines = f"{table}_line"
    op.create_table(
        of_lines,
        sa.Column(column, sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            [column], [f"{table}.number"], name=f"fk_{of_lines}_{column}", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["line"], ["subscriber.line"], name=f"fk_{of_lines}_line"),
        sa.PrimaryKeyConstraint(column, "line", name=f"pk_{of_lines}"),
    )
    op.create_index(f"ix_{of_lines}_line", of_lines, ["line"])


def _link_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("authorisation", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.String(length=256), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
    ]


def _session_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("authorisation", sa.Integer(), nullable=False),
        sa.Column("organisation", sa.String(length=256), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
    ]
