"""The sheet of a receipt: what ``receipt.typ`` sets, made of the signed text alone. Pure.

So the same receipt gives the same sheet on every machine, and nobody can set one that says something else
than what is attached to it.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from filterd.model import signed_text
from filterd.model.signed_text import Body
from filterd.operations.receipts import parts
from filterd.operations.receipts.parts import Part
from filterd.operations.receipts.pieces import NUMBERED, fixed, pieces, shown
from filterd.operations.receipts.words import SheetLanguage, SheetWords, words_in

LETTER = frozenset(("mx", "us", "ca", "co", "cl", "ve", "cr", "gt", "pa", "do", "ph"))
"""jurisdictions whose paper is Letter; all others have A4 (ISO 216)"""

_EVERYWHERE = {
    (True, False): ("enforced", "not_everywhere"),
    (False, True): ("lifted", "lifted_not_everywhere"),
    (False, False): ("off", "off_not_everywhere"),
}
"""whether it is in force, and whether it was lifted -> words for everywhere, and for not yet"""


def sheet_of(text: str, language: SheetLanguage) -> dict[str, Any]:
    """The sheet of a signed receipt, as data of the template. Raises SignedTextError."""
    signed = signed_text.read(text)
    body, digest = signed.body, signed_text.digest(text)
    order, words = body["order"], words_in(language, body["zone"])
    name = f"{attached_name(body)}.json"
    return {
        "lang": language.value,
        "region": body["jurisdiction"].upper()[:2],
        "paper": "us-letter" if body["jurisdiction"].lower() in LETTER else "a4",
        "title": words.of("title"),
        "author": shown(body["provider"]) or words.of("unnamed_provider"),
        "provider": pieces(body["provider"] or words.of("no_provider", installation=body["installation"])),
        "subtitle": pieces(
            words.of("subtitle", reference=order["reference"], at=words.moment(body["issued_at"]))
        ),
        "running": pieces(words.of("running")),
        "reference": pieces(order["reference"]),
        "mark": fixed(words.of("mark", digest=digest)),
        "page": words.of("page"),
        "of": words.of("of"),
        "attached": {"name": name, "description": words.of("attached")},
        "summary": [pieces(each) for each in summary(body, words)],
        "parts": [*_parts(body, words), parts.verify_part(body, words, name, digest, signed.key_id)],
    }


def _parts(body: Body, words: SheetWords) -> list[Part]:
    """The parts before the one on verifying; at their end a note where characters are shown by number."""
    found = [
        parts.order_part(body, words),
        parts.steps_part(body, words),
        parts.effect_part(body, words, "first_enforcement"),
        parts.effect_part(body, words, "enforcement"),
        parts.effect_part(body, words, "lifting"),
        parts.nodes_part(body, words),
        parts.deadlines_part(body, words),
        *parts.entries_parts(body, words),
    ]
    made = [each for each in found if each is not None]
    if NUMBERED in json.dumps(made):
        made[-1]["after"] = [pieces(words.of("numbered"))]
    return made


def summary(body: Body, words: SheetWords) -> list[str]:
    """The things that a reader must know, in sentences: first whether the order is carried out."""
    order = body["order"]
    said = [
        words.known("standing", order["standing"]).format(
            reference=order["reference"],
            document=order["document"],
            authority=parts.titled(order, "authority", words),
        )
    ]
    said += [_suspended(body, words), _counted(body, words), _everywhere(body, words), _kept(body, words)]
    return [each for each in said if each]


def _suspended(body: Body, words: SheetWords) -> str:
    """Until when a suspended order is not enforced."""
    if body["order"]["standing"] != "suspended":
        return ""
    until = [each["until"] for each in body["steps"] if each["step"] == "suspended" and "until" in each]
    return words.of("summary.suspended", at=words.moment(until[-1])) if until else ""


def _counted(body: Body, words: SheetWords) -> str:
    """How much it blocks."""
    entries = body["entries"]
    counts = {"confidential": entries["count"]}
    if entries["names"] is not None:
        counts = {"names": len(entries["names"]), "addresses": len(entries["addresses"])}
    return " ".join(
        words.of(f"summary.{key}_one" if count == 1 else f"summary.{key}", count=words.count(count))
        for key, count in counts.items()
        if count
    )


def attached_name(body: Body) -> str:
    """The name of a receipt's files without suffix, ``O-17-20260303T120000Z``."""
    at = datetime.fromisoformat(body["issued_at"])
    return f"{body['order']['reference']}-{at:%Y%m%dT%H%M%SZ}"


def _everywhere(body: Body, words: SheetWords) -> str:
    """The words on how many servers have what the order does now; empty where nobody measured it."""
    for key, enforces in (("lifting", False), ("enforcement", True)):
        effect = body.get(key)
        if effect is None or enforces is not body["order"]["in_force"]:
            continue
        done, open_ = _EVERYWHERE[enforces, body["order"]["state"] == "lifted"]
        if effect["all_nodes_at"]:
            return words.of(f"summary.{done}", at=words.moment(effect["all_nodes_at"]))
        return words.of(f"summary.{open_}")
    return ""


def _kept(body: Body, words: SheetWords) -> str:
    """The duties that were kept, and those that were not."""
    said = []
    for key, kept in (("met", True), ("missed", False)):
        duties = [words.known("duties", each["duty"]) for each in body["deadlines"] if each["met"] is kept]
        if duties:
            said.append(words.of(f"summary.{key}", duties=", ".join(duties)))
    return " ".join(said)
