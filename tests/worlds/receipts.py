"""Receipts of orders in each state, made without a store and signed by a key that is always the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from filterd.model import signed_text
from filterd.model.audit_chain import AuditEntry, StoredEntry
from filterd.model.order import Demand, Order, OrderState, OrderStep, StepKind
from filterd.model.rule import Scope
from filterd.model.sealed_entries import Fingerprints, SealedEntries
from filterd.model.signed_text import RECEIPT
from filterd.operations.receipts.body import (
    Issuer,
    NodeStanding,
    ReceiptDeadline,
    ReceiptFacts,
    TrailHead,
    body_of,
)
from filterd.operations.signing import Purpose, Signer

RECEIVED = 1_772_550_000
"""2026-03-03, 09:00:00 in Mexico City"""
DAY = 86_400
KEY = Ed25519PrivateKey.from_private_bytes(b"a key of tests, of thirty-two by")
HIDDEN = "unspeakable.example"
HOSTILE = (
    '#import "@preview/evil:0.1.0": *',
    '#read("/etc/passwd") $x^2$ \\ *bold* _emph_ `code` <label> @ref = heading // no comment',
    "#set page(fill: red) /* all */ [content] ~ --- -- ...",
    "‮gnp.exe‬ مرحبا بالعالم שלום 漢字",
    "a" * 300 + "." + "b" * 300,
    "😀 👩‍👩‍👧 e\u0301\u0301\u0301 \ufeff\u200b\u00ad \x00\x07\x1b[31m",
    "</text>%PDF-1.7 endstream endobj (parens) <<dict>>",
)


def signing() -> Signer:
    """The key of these receipts."""
    public = KEY.public_key().public_bytes_raw()
    return Signer(Purpose.RECEIPT, signed_text.key_id_of(public), public, KEY.sign)


def sign(body: dict[str, Any]) -> str:
    """The text of a signed receipt with this body."""
    key = signing()
    return signed_text.text_of(signed_text.signed(RECEIPT, body, key.key_id, key.sign))


def demand(**changes: Any) -> Demand:
    """A complete demand of two names."""
    plain = Demand(
        authority="Servicio de Administración Tributaria",
        official="Mtra. Carmen Ibáñez Núñez, administradora general",
        document="500-05-2026-1234",
        ground="LIVA 18-H QUINTUS",
        law="LIVA 18-H BIS, fracción II",
        names=(("apuestas.example", Scope.SUBTREE), ("www.cine-gratis.example", Scope.EXACT)),
        received_at=RECEIVED,
        review_at=RECEIVED + 180 * DAY,
        document_digest="4f" * 32,
    )
    return replace(plain, **changes)


def order(state: OrderState = OrderState.ACCEPTED, *, wanted: Demand | None = None, **changes: Any) -> Order:
    """An order that two people stand behind, an hour after it came in."""
    wanted = wanted or demand()
    made = Order(
        number=17,
        reference="O-17",
        state=state,
        demand=wanted,
        reason="notified today",
        added_by="ana",
        added_at=RECEIVED + 1_800.0,
        entries=len(wanted.names) + len(wanted.addresses) + (wanted.sealed.count if wanted.sealed else 0),
        approvals=("ana", "beto"),
        accepted_at=RECEIVED + 3_600.0,
        seal="00" * 16,
    )
    return replace(made, **changes)


def effect(due: float, *spans: float, probed: bool = True) -> dict[str, Any]:
    """The measured times of an effect on so many nodes, each after so many seconds."""
    from filterd.operations.plain_values import moment

    last = max(spans)
    return {
        "due_at": moment(due),
        "first_node_at": moment(due + min(spans)),
        "first_node_ms": round(min(spans) * 1000),
        "all_nodes_at": moment(due + last),
        "all_nodes_ms": round(last * 1000),
        "probed_at": moment(due + last + 0.2) if probed else None,
        "probed_ms": round(last * 1000) + 200 if probed else None,
        "nodes": [
            {
                "node": f"resolver-{number}",
                "state": "applied",
                "applied_at": moment(due + span),
                "applied_ms": round(span * 1000),
                "exact": number != 2,
                "probe": "seen" if probed else None,
            }
            for number, span in enumerate(spans, start=1)
        ],
    }


def facts(of: Order, **changes: Any) -> ReceiptFacts:
    """What there is on an order, a day after it was accepted."""
    at = RECEIVED + DAY
    made = ReceiptFacts(
        order=of,
        issuer=Issuer(
            "0123456789abcdef" * 2, "Fibra del Bajío, S. A. de C. V.", "mx", "America/Mexico_City", "0.2.0"
        ),
        trail=TrailHead(4711, "ab" * 32, 12, "cd" * 32),
        entries=(
            _entry(4, "order.add", of.added_at),
            _entry(5, "order.approve", of.accepted_at),
            _entry(6, "order.receipt", of.accepted_at),
        ),
        nodes=(NodeStanding("resolver-1", at - 3.0, True), NodeStanding("resolver-2", at - 5.0, True)),
        at=at,
    )
    return replace(made, **changes)


def _entry(sequence: int, action: str, at: float) -> StoredEntry:
    content = AuditEntry(sequence, at, "ana", action, "order:O-17", "", None, None)
    return StoredEntry(sequence, content, "00" * 32, f"{sequence:064x}")


def confidential() -> Order:
    """An order whose entries are sealed."""
    sealed = SealedEntries("k1", f"sealed:{HIDDEN}", 3, Fingerprints("f" * 16))
    return order(wanted=demand(names=(), confidential=True, sealed=sealed, proportionality=f"of {HIDDEN}"))


def step(number: int, kind: StepKind, days: float, **changes: Any) -> OrderStep:
    """A step so many days after the order came in."""
    return OrderStep(number=number, kind=kind, at=RECEIVED + days * DAY, actor="ana", **changes)


def samples() -> dict[str, str]:
    """The text of a receipt for each kind of life that an order can have, by a short name."""
    accepted, due = RECEIVED + 3_600.0, RECEIVED + 7 * DAY
    measured = effect(accepted, 0.214, 0.633)
    enforce = ReceiptDeadline("enforce", due, "jurisdiction", accepted + 0.633)
    report = ReceiptDeadline("report", due + 7 * DAY, "jurisdiction")
    lifting = (
        step(1, StepKind.LIFTED, 20, document="500-05-2026-2001", received_at=RECEIVED + 20 * DAY - 900.0),
    )
    made = {
        "on-time": facts(order(), enforcement=measured, deadlines=(enforce, report)),
        "late": facts(
            order(accepted_at=due + 3_600.0),
            enforcement=effect(due + 3_600.0, 0.3, 95_000.0, probed=False),
            deadlines=(replace(enforce, done_at=due + 98_600.0), ReceiptDeadline("report", due, "order")),
            at=due + 2 * DAY,
        ),
        "lifted": facts(
            order(OrderState.LIFTED, steps=lifting),
            enforcement=measured,
            lifting=effect(RECEIVED + 20.0 * DAY, 0.19, 0.41),
            deadlines=(
                enforce,
                ReceiptDeadline("unblock", RECEIVED + 27 * DAY, "jurisdiction", RECEIVED + 20.0 * DAY + 0.41),
            ),
            at=RECEIVED + 21.0 * DAY,
        ),
        "suspended": facts(
            order(
                OrderState.SUSPENDED,
                steps=(step(1, StepKind.SUSPENDED, 2, document="JA-88/2026", until=RECEIVED + 30 * DAY),),
            ),
            at=RECEIVED + 3.0 * DAY,
        ),
        "outside-dns": facts(
            order(
                OrderState.OUTSIDE_DNS,
                steps=(
                    step(
                        1,
                        StepKind.EXECUTED,
                        1,
                        evidence="Se retiró el contenido del servidor de un cliente, contrato 8841",
                        digest="7c" * 32,
                    ),
                ),
            ),
            at=RECEIVED + 2.0 * DAY,
        ),
        "confidential": facts(confidential(), enforcement=measured, deadlines=(enforce,)),
        "300-names": facts(order(wanted=demand(names=many(300)))),
        "hostile": facts(order(wanted=hostile())),
    }
    return {name: sign(body_of(each)) for name, each in made.items()}


def many(count: int) -> tuple[tuple[str, Scope], ...]:
    """So many names of different length."""
    return tuple(
        (f"sitio-{number:05}{'-de-prueba' * (number % 3)}.example", Scope.SUBTREE) for number in range(count)
    )


def hostile() -> Demand:
    """A demand whose every text is hostile to whoever sets or reads it."""
    return demand(
        authority=HOSTILE[0],
        official=HOSTILE[1],
        document=HOSTILE[2],
        ground=HOSTILE[3],
        law=HOSTILE[4],
        proportionality=" ".join(HOSTILE[5:]),
        names=tuple((text, Scope.EXACT) for text in HOSTILE),
    )
