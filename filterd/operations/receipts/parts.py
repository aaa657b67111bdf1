"""The parts of a sheet, each of one part of a receipt's body. Pure: a body and words go in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filterd.model.signed_text import Body
from filterd.operations.receipts.pieces import Pieces, fixed, pieces
from filterd.operations.receipts.words import SheetWords

Part = dict[str, Any]
_COLUMNS = ((26, 3), (42, 2))
"""the longest name that fits in so many columns"""
_OVER = frozenset(("ended", "expired", "lifted", "withdrawn"))
"""the standings in which nobody reviews an order"""
_ENDS = frozenset(("lifted", "withdrawn"))
_DETAILS = ("document", "received_at", "until", "evidence", "evidence_digest")


def order_part(body: Body, words: SheetWords) -> Part:
    """The demand as it was taken in."""
    order = body["order"]
    rows = [_row(words, "authority", titled(order, "authority", words))]
    rows += [_row(words, key, order[key]) for key in ("official", "document")]
    if order["document_digest"]:
        rows.append(_row(words, "document_digest", order["document_digest"], digest=True))
    rows.append(_row(words, "ground", titled(order, "ground", words)))
    if order["law"]:
        rows.append(_row(words, "law", order["law"]))
    rows += [
        _row(words, key, words.moment(order[key]))
        for key in ("received_at", "not_before", "not_after", "review_at")
        if order[key] and not (key == "review_at" and order["standing"] in _OVER)
    ]
    if order["state"] != "outside_dns":
        rows.append(_row(words, "mode", words.known("modes", order["mode"])))
    if order["proportionality"]:
        rows.append(_row(words, "proportionality", order["proportionality"]))
    rows += [
        _row(words, key, words.of("yes"))
        for key in ("confidential", "protection_overridden", "overblocking_accepted")
        if order[key]
    ]
    rows.append(_row(words, "people", words.count(body["people"])))
    return {"kind": "fields", "title": _title(words, "order"), "rows": rows}


def titled(order: Body, key: str, words: SheetWords) -> str:
    """The title of an authority or a ground, with the order's own words behind it where they differ."""
    title, said = order.get(f"{key}_title"), str(order[key])
    if title is None:
        return said
    found = str(title[words.language.value])
    return found if found.casefold() == said.casefold() else f"{found} ({said})"


def steps_part(body: Body, words: SheetWords) -> Part:
    """Every step with its time on two clocks."""
    rows = []
    ends = {each["at"] for each in body["steps"] if each["step"] in _ENDS}
    urgent = {each["at"] for each in body["steps"] if each["step"] == "emergency"}
    for each in body["steps"]:
        if each["step"] == "emergency" and each["at"] in ends:
            continue  # the mark of an end, and said with it
        told = {key: each[key] for key in _DETAILS if each.get(key)}
        for key in ("received_at", "until"):
            if key in told:
                told[key] = words.moment(told[key])
        said = [words.known("steps", each["step"]), *(words.of(f"details.{key}", **told) for key in told)]
        if each["step"] in _ENDS and each["at"] in urgent:
            said.append(words.of("details.emergency"))
        rows.append(["; ".join(said), words.moment(each["at"]), words.utc(each["at"])])
    return _table(words, "steps", ("step", "local", "utc"), rows, widths=(5, 4, 3))


def effect_part(body: Body, words: SheetWords, key: str) -> Part | None:
    """The measured times of ``first_enforcement``, ``enforcement`` or ``lifting``; where none were measured a
    sentence says so of enforcement, and there is no part on the others."""
    effect = body.get(key)
    if effect is None:
        if key != "enforcement" or body["order"]["state"] == "outside_dns":
            return None
        return _said(words, key, [words.of("enforcement.none")])
    rows = [
        [words.of(f"enforcement.{name}"), *_reached(words, effect[f"{part}_at"], effect[f"{part}_ms"])]
        for name, part in (("first", "first_node"), ("all", "all_nodes"))
    ]
    asked = effect["probed_at"] or any(each["probe"] for each in effect["nodes"])
    seen = _reached(words, effect["probed_at"], effect["probed_ms"])
    rows.append(
        [words.of("enforcement.seen"), *(seen if asked else [words.of("enforcement.not_probed"), ""])]
    )
    rows += [
        [each["node"], *_reached(words, each["applied_at"], each["applied_ms"], exact=each["exact"])]
        for each in effect["nodes"]
    ]
    found = _table(words, _effect_title(body, key), ("node", "local", "span"), rows, widths=(4, 5, 3))
    found["after"] = _lines([words.of("enforcement.note")])
    return found


def _effect_title(body: Body, key: str) -> str:
    """The key of a part's title: a later enforcement is a return, and only a lifted order is lifted."""
    if key == "enforcement" and body.get("first_enforcement") is not None:
        return "again"
    if key == "lifting" and body["order"]["state"] != "lifted":
        return "off"
    return "enforcement" if key == "first_enforcement" else key


def nodes_part(body: Body, words: SheetWords) -> Part:
    """Every server at the time of the receipt."""
    if not body["nodes"]:
        return _said(words, "nodes", [words.of("nodes.none")])
    rows = [
        [each["name"], words.answer(each["has_it"]), words.moment(each["reported_at"])]
        for each in body["nodes"]
    ]
    return _table(words, "nodes", ("node", "has_it", "reported"), rows, widths=(4, 3, 5))


def deadlines_part(body: Body, words: SheetWords) -> Part:
    """Every duty, when it was due, and whether that was kept."""
    if not body["deadlines"]:
        return _said(words, "deadlines", [words.of("deadlines.none")])
    rows = [
        [
            words.known("duties", each["duty"]),
            words.moment(each["due_at"]),
            words.moment(each["done_at"]) if each["done_at"] else "",
            _met(each, body["issued_at"], words),
            words.known("sources", each["source"]),
        ]
        for each in body["deadlines"]
    ]
    return _table(words, "deadlines", ("duty", "due", "done", "met", "source"), rows, widths=(3, 4, 4, 2, 2))


def entries_parts(body: Body, words: SheetWords) -> list[Part]:
    """The names and addresses, by scope; of a confidential order their number alone."""
    entries, key = body["entries"], "entries" if body["order"]["in_force"] else "entries_ended"
    if entries["names"] is None:
        one = entries["count"] == 1
        said = words.of(
            "entries.confidential_one" if one else "entries.confidential", count=words.count(entries["count"])
        )
        return [_said(words, key, [said])]
    found = []
    for scope in dict.fromkeys(each["scope"] for each in entries["names"]):
        names = [each["name"] for each in entries["names"] if each["scope"] == scope]
        said = words.of("entries.scope", scope=words.known("entries", scope))
        found.append(_names(words, key, names, said))
    if entries["addresses"]:
        found.append(_names(words, key, entries["addresses"], words.of("entries.addresses")))
    for later in found[1:]:
        del later["title"]
    return found


def verify_part(body: Body, words: SheetWords, name: str, digest: str, key_id: str) -> Part:
    """The digests, and how they are verified."""
    trail, rows = body["trail"], []
    rows.append(_row(words, "digest", digest, digest=True))
    rows.append(_row(words, "key", key_id, digest=True))
    rows.append(_row(words, "installation", body["installation"], digest=True))
    rows.append(_row(words, "head", f"{trail['sequence']}: {trail['hash']}", digest=True))
    if trail["checkpoint"]:
        rows.append(
            _row(words, "checkpoint", f"{trail['checkpoint']}: {trail['checkpoint_digest']}", digest=True)
        )
    rows.append(_row(words, "row_digest", body["entries"]["row_digest"], digest=True))
    if body["entries"]["digest"]:
        rows.append(_row(words, "entries_digest", body["entries"]["digest"], digest=True))
    rows.append(_row(words, "version", f"{body['product']} {body['version']}"))
    return {
        "kind": "fields",
        "title": _title(words, "verify"),
        "before": _lines([words.of(f"verify.{part}", name=name) for part in ("what", "how")]),
        "command": [words.of("verify.command", name=name)],
        "rows": rows,
        "after": _lines([words.of("verify.trail")]),
    }


def _reached(words: SheetWords, at: str | None, span: int | None, *, exact: bool = True) -> list[str]:
    if not at or span is None:
        return [words.of("enforcement.not_yet"), ""]
    said = _span(words, span)
    return [words.moment(at), said if exact else words.of("enforcement.at_most", span=said)]


def _span(words: SheetWords, milliseconds: int) -> str:
    """A span: to the millisecond below two minutes, above it to the second."""
    if milliseconds < 120_000:
        return words.of("enforcement.seconds", seconds=f"{milliseconds / 1000:.3f}")
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return words.of("enforcement.long", hours=words.count(hours), minutes=minutes, seconds=seconds)


def _met(each: Body, issued_at: str, words: SheetWords) -> str:
    if each["met"] is None and each.get("over_at") and each["due_at"] >= each["over_at"]:
        return words.of("deadlines.over")
    if each["met"] is None and not each["done_at"] and each["due_at"] >= issued_at:
        return words.of("deadlines.pending")
    return words.answer(each["met"])


def _title(words: SheetWords, key: str) -> Pieces:
    return pieces(words.of(f"parts.{key}"))


def _row(words: SheetWords, key: str, value: str, *, digest: bool = False) -> Part:
    return {
        "label": pieces(words.of(f"fields.{key}")),
        "value": fixed(value) if digest else pieces(value),
        "fixed": digest,
    }


def _table(
    words: SheetWords, key: str, columns: Sequence[str], rows: list[list[str]], *, widths: Sequence[int]
) -> Part:
    return {
        "kind": "table",
        "title": _title(words, key),
        "head": [pieces(words.of(f"columns.{each}", zone=words.zone)) for each in columns],
        "widths": list(widths),
        "rows": [[pieces(cell) for cell in row] for row in rows],
    }


def _names(words: SheetWords, key: str, names: Sequence[str], said: str) -> Part:
    longest = max(map(len, names))
    columns = next((count for limit, count in _COLUMNS if longest <= limit), 1)
    return {
        "kind": "names",
        "title": _title(words, key),
        "before": _lines([said]),
        "columns": columns if len(names) > columns else 1,
        "names": [pieces(name) for name in names],
    }


def _said(words: SheetWords, key: str, paragraphs: list[str]) -> Part:
    return {"kind": "text", "title": _title(words, key), "before": _lines(paragraphs)}


def _lines(paragraphs: list[str]) -> list[Pieces]:
    return [pieces(each) for each in paragraphs]
