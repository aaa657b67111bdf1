"""Own names, pause and opt-out: what a line allows lifts no order, what it denies comes by no alias."""

from __future__ import annotations

import pytest

from filterd.model.rule import Scope
from filterd.operations import subscribers
from filterd.operations.context import Context
from tests.e2e.deployment import soon
from tests.evasion import names
from tests.evasion.asking import query
from tests.evasion.form import FOR_THE_OWNER, Course, Form, Gets, Way, course, has_data, judge, word_of
from tests.evasion.lab import TCP, UDP, Lab
from tests.evasion.names import ADULT, CANARY, FORBIDDEN, LEFT, MINE, ORDERED, OWNER, PAUSED
from tests.evasion.packets import of_name, packed
from tests.evasion.scripted import Says, chain


def denied(id: str, says: Says | None, name: str = "", rtype: str = "A") -> Form:
    """Below a name that OWNER does not allow."""
    return Form(id, FOR_THE_OWNER, says, name=name or f"#.{id}.example", rtype=rtype)


def of_line(id: str, client: str, name: str, gets: Gets, says: Says | None = None) -> Course:
    """What one more line gets, fresh and cached."""

    def steps(lab: Lab) -> None:
        if says:
            lab.upstream.says[name.replace("#.", "")] = says
        for transport in (UDP, TCP):
            asked = name.replace("#", lab.fresh())
            for again in (transport, UDP, TCP):
                judge(lab.send(query(asked), client, again), gets, f"{id} {again}")

    return Course(id, steps)


def _allow_lifts_no_order(lab: Lab) -> None:
    """The most specific allow names, exact ones, and one for each place of a chain."""
    chained = f"allowed.{names.WAY}"
    lab.upstream.says[chained] = chain(f"deep.www.{ORDERED}")

    async def allow(context: Context) -> None:
        for name in (
            f"deep.www.{ORDERED}",
            f"www.{ORDERED}",
            names.ADOPTED,
            names.NULLED,
            names.CONFIDENTIAL,
        ):
            await subscribers.allow(context, "owner", name, Scope.EXACT)
            await subscribers.allow(context, "owner", f"x.{name}")
        await subscribers.allow(context, "owner", f"told.{ADULT}")

    lab.changing(allow)
    assert soon(lambda: has_data(lab.send(query(f"told.{ADULT}"), OWNER)))
    for transport in (UDP, TCP):
        for name in (
            f"deep.www.{ORDERED}",
            f"www.{ORDERED}",
            f"x.www.{ORDERED}",
            f"{lab.fresh()}.{chained}",
            names.ADOPTED,
            f"x.{names.ADOPTED}",
            names.NULLED,
            names.CONFIDENTIAL,
        ):
            judge(lab.send(query(name), OWNER, transport), Gets.CENSORED, name)


def _allow_lifts_no_bypass(lab: Lab) -> None:
    async def allow(context: Context) -> None:
        await subscribers.allow(context, "owner", f"x.{CANARY}")
        await subscribers.allow(context, "owner", f"also-told.{ADULT}")

    lab.changing(allow)
    assert soon(lambda: has_data(lab.send(query(f"also-told.{ADULT}"), OWNER)))
    for transport in (UDP, TCP):
        judge(lab.send(query(f"x.{CANARY}"), OWNER, transport), Gets.FILTERED)


def _deny_of_a_cached_name(lab: Lab) -> None:
    """A name, an alias of it and a target, all cached before the line denies it."""
    name = f"{lab.fresh()}.later.other.example"
    lab.upstream.says[name] = Says([f"@ A {FORBIDDEN}"])
    lab.upstream.says["alias-of-later.example"] = chain(name)
    for asked in (name, "alias-of-later.example"):
        judge(lab.send(query(asked), OWNER), Gets.SERVED, asked)

    async def deny(context: Context) -> None:
        await subscribers.deny(context, "owner", name)

    lab.changing(deny)
    assert soon(lambda: not has_data(lab.send(query(name), OWNER)))
    for transport in (UDP, TCP):
        for asked in (name, "alias-of-later.example"):
            judge(lab.send(query(asked), OWNER, transport), Gets.FILTERED, asked)
            judge(lab.send(query(asked), transport=transport), Gets.SERVED, asked)


FORMS: tuple[Way, ...] = (
    denied("deny-itself", None, MINE),
    denied("deny-below", None, f"#.a.b.{MINE}"),
    denied("deny-alias", chain(f"x.{MINE}")),
    denied("deny-alias-of-six", chain(*(f"l{n}.other.example" for n in range(5)), MINE)),
    denied("deny-midway", chain(MINE, "cdn.other.example")),
    denied("deny-target", Says([f"@ HTTPS 1 {MINE}. ipv4hint={FORBIDDEN}"]), rtype="HTTPS"),
    denied(
        "deny-alias-mode", Says([f"@ HTTPS 1 . ipv4hint={FORBIDDEN}", f"@ HTTPS 0 {MINE}."]), rtype="HTTPS"
    ),
    denied(
        "deny-tree",
        Says(
            [
                "deny-tree.example. DNAME mine.example.",
                "@ CNAME %.mine.example.",
                f"%.mine.example. A {FORBIDDEN}",
            ]
        ),
    ),
    denied("deny-text", None, f"#.{MINE}", "TXT"),
    denied("deny-mail", None, f"#.{MINE}", "MX"),
    denied("deny-any", None, f"#.{MINE}", "ANY"),
    Form("deny-mixed-case", FOR_THE_OWNER, name=MINE, build=of_name(lambda name: packed(name.title()))),
    *(
        of_line(f"{word}-{what}", client, name, gets, says)
        for word, client in {"left": LEFT, "paused": PAUSED}.items()
        for what, (name, gets, says) in {
            "order": (f"#.{ORDERED}", Gets.CENSORED, None),
            "alias-of-an-order": (f"#.{word}-order.way.example", Gets.CENSORED, chain(ORDERED)),
            "ordered-address": (
                f"#.{word}-address.way.example",
                Gets.CENSORED,
                Says([f"@ A {names.ADDRESS}"]),
            ),
            "own-name": (f"#.{MINE}", Gets.FILTERED, None),
            "alias-of-an-own-name": (f"#.{word}-own.way.example", Gets.FILTERED, chain(MINE)),
            "category": (f"#.{ADULT}", Gets.SERVED, None),
        }.items()
    ),
    *map(course, (_allow_lifts_no_order, _allow_lifts_no_bypass, _deny_of_a_cached_name)),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)
