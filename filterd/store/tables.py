"""The tables, in common SQL. Times are Unix seconds; prefixes and names are canonical text.

There are three groups: the log (``head``, ``change``, ``log_floor``, ``audit``), the decisions of
administrators (subscribers, orders, feed versions, snapshots), and the reports of nodes (``node``, with
``node_list_history``), outside log and audit.

The resolver's resync also reads ``line_state``, ``own_name``, ``binding`` and ``orders``: their columns are
part of :mod:`filterd.model.changelog`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

LONGEST_BOUND = 71
"""characters; model.bound.LONGEST, which a migration may not follow by itself"""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

head = Table(
    "head",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("audit_sequence", Integer, nullable=False),
    Column("audit_hash", String(64), nullable=False),
    Column("next_line", Integer, nullable=False),
    Column("next_order", Integer, nullable=False),
    Column("change_hash", String(64), nullable=False, server_default=""),
    Column("endings_missing_to", Integer, nullable=False, server_default=text("0")),
)
"""one row, which every writer reads and writes under the write lock; its numbers are never used twice.
``endings_missing_to``: the revision up to which the table ``ending`` may lack some; 0: it has all"""

ending = Table(
    "ending",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("number", BigInteger, nullable=False),
)
"""what was ended, in the order and with the content of the ledger (:class:`filterd.store.ledger.Ended`);
written in the transaction of the act, so that a restore has it also where an older ledger was put back"""

change = Table(
    "change",
    metadata,
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("stream", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("payload", Text, nullable=False),
    Column("salt", String(32), nullable=False, server_default=""),
    Column("hash", String(64), nullable=False, server_default=""),
    Column("line", Integer),
    Index(None, "stream", "revision", "line"),
)
"""``line``: whose choices or bindings it changes (``changelog.line_of``); the payload says so too"""

changed_line = Table(
    "changed_line",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False, index=True),
)
"""the last change of each line that was pruned from the log, for nodes that start below the floor"""

log_floor = Table(
    "log_floor",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="one_row"), primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("hash", String(64), nullable=False, server_default=""),
)
"""one row; changes at or below this revision may be gone. ``hash`` is that of the last of them"""

audit = Table(
    "audit",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("subject", String(256), nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("previous_hash", String(64), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("salt", String(32), nullable=False, server_default=""),
)

subscriber = Table(
    "subscriber",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("id", String(128), nullable=False, unique=True),
    Column("added_at", Float, nullable=False),
    Column("seal", String(64), nullable=False),
)
"""the only table that ties a line's number to the operator's name for it; deleting the row unties them for
good. ``seal`` keys the digests of personal values in the audit trail (operations.texts)"""

line_state = Table(
    "line_state",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True, autoincrement=False),
    Column("opted_in", Boolean, nullable=False),
    Column("profile", String(64), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("paused_until", Integer, nullable=False),
    Column("security_left", Boolean, nullable=False),
    Column("adjustments", Text, nullable=False, server_default=""),
    Column("meaning", Integer, nullable=False, server_default=text("0")),
)

own_name = Table(
    "own_name",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True),
    Column("name", String(253), primary_key=True),
    Column("action", Integer, nullable=False),
    Column("scope", Integer, nullable=False),
    Column("ends_at", Integer, nullable=False, server_default=text("0")),
    Index(None, "ends_at", sqlite_where=text("ends_at > 0"), postgresql_where=text("ends_at > 0")),
)
"""one rule for each name: a second one replaces the first. ``ends_at`` is 0 for one that stays"""

request = Table(
    "request",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("line", Integer, ForeignKey("subscriber.line"), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("who", String(256), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("at", Float, nullable=False),
    Column("text_version", String(64), nullable=False),
    Column("reference", String(256), nullable=False),
    Column("role", String(16), nullable=False, server_default="holder"),
    Column("text_digest", String(64), nullable=False, server_default=""),
    Column("authorisation", Integer, nullable=False, server_default="0"),
    Column("shared", Integer, nullable=False, server_default="0"),
    Column("recorded_by", String(128), nullable=False, server_default=""),
    Column("recorded_at", Float, nullable=False, server_default="0"),
    Column("source", String(16), nullable=False, server_default=""),
    Index("ix_request_reference", "reference", "line"),
)
"""evidence that the subscriber asked (LMTR 191, LFPDPPP 7 and 8). ``authorisation``: the credential of who
asked, 0 for the holder; ``shared``: the shared evidence that it is, 0 for its own; ``source``: the first
digits of the SHA-256 of the file that it was imported from"""

binding = Table(
    "binding",
    metadata,
    Column("prefix", String(LONGEST_BOUND), primary_key=True),
    Column("line", Integer, ForeignKey("subscriber.line"), nullable=False, index=True),
)
"""``prefix`` is the canonical text of a prefix, of ports of an address, or of an identity (model.bound)"""

binding_pace = Table(
    "binding_pace",
    metadata,
    Column("line", Integer, ForeignKey("subscriber.line"), primary_key=True, autoincrement=False),
    Column("since", Float, nullable=False),
    Column("changes", Integer, nullable=False),
)
"""how often a line that was there before was given new bindings within the day that began at ``since``: one
row for each such line, overwritten, without what was bound. It shows who binds addresses that move"""

orders = Table(
    "orders",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("reference", String(32), nullable=False, unique=True),
    Column("state", String(16), nullable=False, index=True),
    Column("authority", String(256), nullable=False),
    Column("official", String(256), nullable=False),
    Column("document", String(256), nullable=False),
    Column("document_digest", String(64), nullable=False),
    Column("ground", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("not_before", Integer, nullable=False),
    Column("not_after", Integer, nullable=False),
    Column("review_at", Integer, nullable=False),
    Column("confidential", Boolean, nullable=False, server_default=false()),
    Column("overblocking_accepted", Boolean, nullable=False, server_default=false()),
    Column("received_at", Float, nullable=False),
    Column("added_by", String(128), nullable=False),
    Column("added_at", Float, nullable=False),
    Column("accepted_at", Float, nullable=False),
    Column("withdrawn_by", String(128), nullable=False),
    Column("withdrawn_at", Float, nullable=False),
    Column("withdrawal_reason", Text, nullable=False),
    Column("seal", String(64), nullable=False, server_default=""),
    Column("law", Text, nullable=False, server_default=""),
    Column("proportionality", Text, nullable=False, server_default=""),
    Column("protection_overridden", Boolean, nullable=False, server_default=false()),
    Column("enforce_by", Integer, nullable=False, server_default=text("0")),
    Column("report_by", Integer, nullable=False, server_default=text("0")),
)
"""the audit entry of each decision on an order holds a digest of its rows (``model.order_rows``), in which
``seal`` is random"""

order_name = Table(
    "order_name",
    metadata,
    Column("order_number", Integer, ForeignKey("orders.number"), primary_key=True),
    Column("name", String(253), primary_key=True),
    Column("scope", Integer, primary_key=True),
)

order_address = Table(
    "order_address",
    metadata,
    Column("order_number", Integer, ForeignKey("orders.number"), primary_key=True),
    Column("prefix", String(43), primary_key=True),
)

order_step = Table(
    "order_step",
    metadata,
    Column("order_number", Integer, ForeignKey("orders.number"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("at", Float, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Column("document", String(256), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("until", Integer, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("digest", String(64), nullable=False),
)
"""the steps of an order's life after its intake; rows are added and never changed"""

order_approval = Table(
    "order_approval",
    metadata,
    Column("order_number", Integer, ForeignKey("orders.number"), primary_key=True),
    Column("actor", String(128), primary_key=True),
    Column("at", Float, nullable=False),
)

lost_order = Table(
    "lost_order",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("reference", String(32), nullable=False, unique=True),
    Column("ended_at", Float, nullable=False),
)
"""orders of a history that was lost, which nodes kept in force until somebody confirmed their end"""

snapshot = Table(
    "snapshot",
    metadata,
    Column("file", String(128), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("built_at", Float, nullable=False),
    Column("names", Integer, nullable=False),
    Column("size", Integer, nullable=False),
)

node = Table(
    "node",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("seen_at", Float, nullable=False),
    Column("mandatory_revision", Integer, nullable=False),
    Column("parental_revision", Integer, nullable=False),
    Column("snapshot_digest", String(64), nullable=False),
    Column("ready", Boolean, nullable=False),
    Column("lists", Text, nullable=False),
    Column("mandatory_hash", String(64), nullable=False, server_default=""),
    Column("lag", Float, nullable=False, server_default=text("0")),
    Column("not_durable", Integer, nullable=False, server_default=text("0")),
    Column("missing", Text, nullable=False, server_default="[]"),
    Column("kept_orders", Text, nullable=False, server_default="[]"),
    Column("began_at", Float, nullable=False, server_default=text("0")),
    Column("effective_digest", String(64), nullable=False, server_default=""),
    Column("effective_at", Float, nullable=False, server_default=text("0")),
    Column("feeds", Text, nullable=False, server_default="[]"),
    Column("canaries", Text, nullable=False, server_default="[]"),
)

lifting = Table(
    "lifting",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("name", String(253), nullable=False),
    Column("scope", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("made_at", Integer, nullable=False),
    Column("until", Integer, nullable=False),
    Column("ended_by", String(128), nullable=False),
    Column("ended_at", Integer, nullable=False),
)
"""exceptions and suspensions, those that are over among them; ``number`` is the revision that made it"""

node_list_history = Table(
    "node_list_history",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("node", String(128), nullable=False),
    Column("label", String(80), nullable=False),
    Column("version", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
    Index(None, "node", "until"),
)
"""which node had which version of which list in force from when to when, as nodes reported it; outside log
and audit, since nothing was decided. ``until`` is 0 while it lasts; ``label`` is empty for the node as a
whole, whose digest covers all lists and orders"""

sealed_order = Table(
    "sealed_order",
    metadata,
    Column("order_number", Integer, ForeignKey("orders.number"), primary_key=True),
    Column("key_id", String(16), nullable=False),
    Column("sealed", Text, nullable=False),
    Column("entries", Integer, nullable=False),
    Column("fingerprints", Text, nullable=False),
)
"""the entries of a confidential order, which has none in ``order_name`` and ``order_address``: sealed with
the key ``key_id`` for control, and as fingerprints (JSON) for nodes"""

token = Table(
    "token",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("system", Boolean, nullable=False),
    Column("role", String(16), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("lines", String(128), nullable=False),
    Column("networks", Text, nullable=False),
    Column("made_by", String(128), nullable=False),
    Column("made_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_day", Integer, nullable=False),
    Column("revoked_at", Float, nullable=False),
    Column("revoked_by", String(128), nullable=False),
)
"""tokens of the API. ``digest`` is the SHA-256 of 32 random bytes, which the token's holder alone has;
``number`` is the revision that made it; ``scopes`` and ``networks`` are JSON"""

view_code = Table(
    "view_code",
    metadata,
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("viewer", String(128), nullable=False),
)
"""codes by which holders let somebody see the own names of a line, for some minutes: digests, the wrong ones
that are left, and who used it; outside the log"""

answered_request = Table(
    "answered_request",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("subject", String(256), nullable=False),
    Column("at", Float, nullable=False, index=True),
)
"""requests of the API that came with an idempotency key: keyed digests of the key and of the request, the
status that was answered (0: it is at work), and the thing that it was about; outside log and audit"""

arco_request = Table(
    "arco_request",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("line", Integer, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("reference", String(256), nullable=False),
    Column("received_on", String(10), nullable=False),
    Column("answer_by", String(10), nullable=False),
    Column("carry_out_by", String(10), nullable=False),
    Column("extended", Boolean, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("answered_at", Float, nullable=False),
    Column("closed_at", Float, nullable=False),
)
"""requests under ARCO rights. ``number`` is the revision that made it; ``line`` outlives the line, which an
erasure unties from its id; days are ISO dates of the jurisdiction's zone, empty for none"""
