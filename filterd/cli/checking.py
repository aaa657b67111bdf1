"""``filterd check``: what a name gets on a line, and why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import ReadFile, common
from filterd.cli.use_case import perform
from filterd.operations import advice

if TYPE_CHECKING:
    from filterd.disk.given_file import GivenFile
    from filterd.operations.context import Context
    from filterd.operations.explain import ExplainedStage, Explanation
    from filterd.operations.identification import QueryClient

QUERY, ANSWER = "query", "answer"
"""the parts of an explanation, as its stages name them"""


@click.command()
@click.argument("name")
@click.option("--type", "kind", default="A", show_default=True, help="The record type that is asked for.")
@click.option("--subscriber", default="", help="On this subscriber's line.")
@click.option(
    "--client", default="", metavar="ADDRESS[:PORT]", help="On the line that this client belongs to."
)
@click.option("--port", type=click.IntRange(1, 65_535), help="The port that the client asks from.")
@click.option(
    "--identity",
    default="",
    help="With this identity from a trusted sender: mac:00:11:22:aa:bb:cc, device:TEXT, cpe:TEXT, tlv:TEXT.",
)
@click.option("--at", default="", help="At this time, ISO 8601 with offset; default now.")
@click.option("--resolve", is_flag=True, help="Ask the upstreams, and inspect their answer as well.")
@click.option(
    "--answer",
    type=ReadFile(),
    help="Inspect this answer as well: a DNS message in wire form, or as text.",
)
@common
def check(
    name: str,
    kind: str,
    subscriber: str,
    at: str,
    resolve: bool,
    answer: GivenFile | None,
    config: Path | None,
    as_json: bool,
    **asking: Any,
) -> None:
    """Say what a name gets on a line, and why, stage by stage.

    Without --subscriber, --client and --identity the line is unknown: mandatory blocking and security only.
    A client's line is known by its identity, by a session, which control is asked for, or by a binding, in
    this order. Its port matters where lines share its address: --client 192.0.2.1:1500 or
    [2001:db8::1]:1500; ADDRESS#PORT says the same. Without --resolve and --answer the stages of the answer
    are not evaluated.
    """
    from filterd.operations import input_values, inquiry

    _require_one(subscriber, resolve and answer, **asking)

    async def ask(context: Context) -> Explanation:
        return await inquiry.ask(
            context,
            name,
            qtype=kind,
            subscriber=subscriber or None,
            client=_client(**asking),
            at=input_values.when(at, "--at") if at else None,
            resolve=resolve,
            answer=answer,
        )

    found = perform(config, ask)
    if as_json:
        output.show_json(found)
    else:
        show(found)


def _require_one(subscriber: str, both: Any, client: str, port: int | None, identity: str) -> None:
    """Refuse options that exclude each other."""
    if port and not client:
        message = "--port is of a client: give --client too"
        raise click.UsageError(message)
    if (subscriber and (client or identity)) or both:
        by = "--client" if client else "--identity"
        one_of = "--resolve and --answer" if both else f"--subscriber and {by}"
        message = f"{one_of} exclude each other"
        raise click.UsageError(message)


def _client(client: str, port: int | None, identity: str) -> QueryClient | None:
    from filterd.operations.identification import QueryClient

    return QueryClient.of(client, port or 0, identity) if client or identity else None


def show(found: Explanation) -> None:
    """Print an explanation for people."""
    identity = found.identity
    verdict = found.verdict if found.reason == "none" else f"{found.verdict} by {found.reason}"
    output.show_fields(
        [
            ("name", f"{found.name} {found.type}"),
            ("line", _line(identity)),
            ("profile", _profile(identity)),
            ("verdict", f"{verdict} ({found.blocking_mode})" if found.blocking_mode else verdict),
            ("answered", _answered(found)),
            ("why", advice.why(found)),
            ("next", advice.next_step(found)),
            ("protected", found.protected),
            ("at", output.moment(found.at)),
            ("changes at", output.moment(found.valid_until)),
            ("revision", found.revision),
            ("digest", found.digest),
        ]
    )
    _remark(found)
    click.echo()
    columns = ("part", "stage", "outcome", "list or order", "matched", "scope")
    output.show_table(columns, [*_rows(found)], "")


def _remark(found: Explanation) -> None:
    """Say what a person must know beside the verdict."""
    for each in found.identity.get("remarks", ()):
        output.done(each)
    if found.damaged:
        output.done(
            f"damaged in the store: {', '.join(found.damaged)}; nodes enforce them as they last were, "
            "which may be more than is said here; what to do: filterd audit verify"
        )
    if found.suspended_until:
        output.done(
            f"parental filtering is suspended for every line until {output.moment(found.suspended_until)}; "
            "on again before that with: filterd parental resume"
        )
    if found.unread:
        output.done(
            f"no list was ever read of {', '.join(found.unread)}, which the line's profile restricts: while "
            "that is so, dns.parental_fail decides on every name that no mandatory rule blocks (closed: "
            "SERVFAIL); what to do: filterd feed list, then filterd feed update"
        )
    if found.ech_stripped:
        output.done(
            "the answer has Encrypted Client Hello (ECH), and this line gets it without: its profile's ways "
            "around say so (`strip_ech` in bypass.yaml), for a filter behind filterd that reads server names"
        )
    if found.test_name:
        output.done(
            "a name of the test page (/funciona): it stands beside the lists that it tests, and leads to the "
            "page itself where it is open (web.public.test_zone)"
        )
    if found.coming:
        output.done(
            "under an order that is not in force yet: it waits for another person, or has not begun; until "
            "then what passes lives no longer than dns.block_ttl"
        )
    if found.kept_orders:
        kept = ", ".join(f"{each.reference} on {each.node}" for each in found.kept_orders)
        output.done(
            f"kept in force by nodes alone: {kept}; the store does not know these orders and nobody can list "
            "their names, so this name may be blocked there all the same; what to do: filterd node resync"
        )


def _line(identity: dict[str, Any]) -> str:
    """The line, its subscriber and how it was identified."""
    if identity.get("line") is None:
        return "unknown"
    return f"{identity['line']}, subscriber {identity['subscriber']} (by {identity['method']})"


def _answered(found: Explanation) -> str:
    """The answer that a client sees: ``NXDOMAIN, EDE 17``."""
    return ", ".join([*filter(None, [found.rcode]), *(f"EDE {code}" for code in found.ede)])


def _profile(identity: dict[str, Any]) -> str:
    """The line's profile, and whether it is paused."""
    if not identity.get("opted_in"):
        return ""
    return f"{identity['profile']} (paused)" if identity["paused"] else str(identity["profile"])


def _rows(found: Explanation) -> Iterator[tuple[str, ...]]:
    """A row for each stage; a single row for the answer if nothing of it was judged."""
    unjudged = advice.answer_unjudged(found)
    if found.identity["method"] != "subscriber":
        yield (QUERY, "identify", found.identity["method"], "", _known_by(found.identity), "")
    for stage in found.stages:
        if stage.part == QUERY or not unjudged:
            yield _row(stage)
    if unjudged:
        outcome = advice.NOTHING_TO_JUDGE if found.answer_seen else advice.NOT_LOOKED_AT
        yield (ANSWER, "all", outcome, "", "", "")


def _known_by(identity: dict[str, Any]) -> str:
    """The ground on which a client's line is known, and how old it is."""
    session = identity.get("session")
    ground = identity.get("bound", "")
    if session is not None:
        ground = f"told by {session['source']} {session['confirmed_seconds_ago']} s ago"
    return f"{ground} (inside {identity['inside']})" if "inside" in identity else str(ground)


def _row(stage: ExplainedStage) -> tuple[str, ...]:
    source = "confidential" if stage.confidential else stage.order or stage.list
    return (stage.part, stage.stage, stage.outcome, source, stage.matched_name, stage.scope)
