"""``filterd session``: the lines whose addresses come and go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import import_source, output
from filterd.cli.failure import Failure
from filterd.cli.group import Group
from filterd.cli.options import ReadFile, common, time_span
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.disk.given_file import GivenFile
    from filterd.operations.context import Context
    from filterd.operations.sessions.commands import ShownSession, ShownSessions
    from filterd.operations.sessions.explaining import ExplainedSession
    from filterd.operations.sessions.protocol import ToldOutcome

COUNTED = "filterd session list counts those that are"
SHOWN = 20
"""refused lines that are told"""
FORM = "a file with lines of ADDRESS SUBSCRIBER [UNTIL], or with an object of JSON in each line,"
MEND = "mend what each reason names, and put the file again; the others are in force"
MAKE_ROOM = (
    "nothing is wrong with those lines: make room (filterd session list tells how many there may be; raise "
    "accounting.sessions, then restart control), and put the file again; the others are in force"
)


def _lasts(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    seconds = time_span(context, parameter, value)
    if seconds == 0:
        message = "a session lasts for one second at least; to end one: filterd session end ADDRESS"
        raise click.BadParameter(message, context, parameter)
    return seconds


@click.group(cls=Group)
def session() -> None:
    """Tell and ask which line has an address at this moment."""


@session.command()
@click.argument("address", metavar="[ADDRESS[:PORTS]]", required=False)
@click.argument("subscriber", required=False)
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, dir_okay=False, readable=False, allow_dash=True),
    help="Tell of many: a line is ADDRESS SUBSCRIBER [UNTIL], or an object of JSON; - is standard input.",
)
@click.option("--for", "lasts", callback=_lasts, help="Good for, like 8h.")
@click.option("--until", default="", help="Good until this time, ISO 8601 with offset.")
@click.option("--at", default="", help="It has been so since this time; without it, now.")
@common
def put(
    config: Path | None,
    as_json: bool,
    address: str | None,
    subscriber: str | None,
    file: Path | None,
    lasts: int | None,
    until: str,
    at: str,
) -> None:
    """Tell that a subscriber's line has an address from now on.

    ADDRESS is 192.0.2.7, a delegated prefix like 2001:db8:1::/56, or ports of a shared address like
    192.0.2.1:1024-2047. Whoever had it before has it no more. Without an end it is good for as long as
    accounting.stale_after says; then it is gone, and the address is unknown: tell it again before. Newer
    packets and leases about the address count more. Control must run on this machine. No history is kept.
    """
    if file is not None:
        if address or lasts or until or at:
            message = "--file goes alone: the file says the addresses, subscribers and times"
            raise click.UsageError(message)
        _put_file(config, as_json, file)
        return
    if not address or not subscriber:
        message = "give an ADDRESS and a SUBSCRIBER, or --file"
        raise click.UsageError(message)
    if lasts and until:
        message = "--for and --until are two ways to say one thing"
        raise click.UsageError(message)
    _put_one(config, as_json, address, subscriber, (lasts, until, at))


def _put_one(
    config: Path | None, as_json: bool, address: str, subscriber: str, times: tuple[int | None, str, str]
) -> None:
    from filterd.operations import input_values
    from filterd.operations.sessions import commands
    from filterd.operations.sessions.protocol import ToldSession

    lasts, until, at = times

    async def run(context: Context) -> ToldOutcome:
        end = input_values.when(until, "--until") if until else None
        told = ToldSession(
            addresses=(address,),
            subscriber=subscriber,
            at=input_values.when(at, "--at") if at else None,
            until=context.clock() + lasts if lasts else end,
        )
        return await commands.put(context, told)

    outcome = perform(config, run)
    if as_json:
        output.show_json(_told(outcome, []))
    else:
        output.done(f"{address} is {subscriber}'s{_good_until(outcome)}")
    _warn_of_unregistered(outcome)


def _put_file(config: Path | None, as_json: bool, file: Path) -> None:
    from filterd.operations.sessions import commands, reading

    refused: list[tuple[int, str]] = []
    with import_source.opened(file, FORM) as (path, _), output.progress("sessions") as tell:

        async def run(context: Context) -> ToldOutcome:
            told = reading.read_file(path, context.clock(), lambda line, why: refused.append((line, why)))
            return await commands.put_many(
                context,
                told,
                lambda line, why: refused.append((line, why)),
                None if tell is None else lambda taken: tell("sessions", taken, taken),
            )

        outcome = perform(config, run)
    refused.sort()
    if as_json:
        output.show_json(_told(outcome, refused))
    else:
        output.done(f"{_count(outcome.taken)} taken{_good_until(outcome)}")
    _warn_of_unregistered(outcome)
    if refused:
        name = import_source.named(file)
        messages = [f"{name}:{line}: {reason}" for line, reason in refused[:SHOWN]]
        verb = "was" if len(refused) == 1 else "were"
        messages.append(f"{_count(len(refused))} {verb} refused")
        lines = len(refused) > outcome.without_room
        raise Failure(messages, MEND if lines else MAKE_ROOM)


def _told(outcome: ToldOutcome, refused: Sequence[tuple[int, str]]) -> dict[str, object]:
    listed = [{"line": line, "reason": reason} for line, reason in refused]
    taken = {"taken": outcome.taken, "unregistered": outcome.unregistered, "until": outcome.until}
    return {**taken, "refused": listed}


def _good_until(outcome: ToldOutcome) -> str:
    """The end of the first of them, where control said it."""
    if outcome.until is None:
        return ""
    many = ", the first to end," if outcome.taken > 1 else ""
    return f"{many} until {output.moment(outcome.until)}; then it is gone, so tell it again before"


def _warn_of_unregistered(outcome: ToldOutcome) -> None:
    if outcome.unregistered:
        output.warn(
            f"{_count(outcome.unregistered)} of subscribers that nobody has registered: they are no line yet",
            "register them: filterd subscriber add ID; the session is in force at once then",
        )


def _count(number: int) -> str:
    return "1 session" if number == 1 else f"{number} sessions"


@session.command()
@click.argument("address", metavar="ADDRESS[:PORTS]")
@click.option("--at", default="", help="It ended at this time; without it, now.")
@common
def end(config: Path | None, as_json: bool, address: str, at: str) -> None:
    """End the session of an address, or of ports of it: from now on the address is nobody's.

    The line is unknown there until something tells of it anew. That may be the next packet of its NAS: where
    the line is still connected, an Interim-Update begins the session again. To keep a line from an address,
    disconnect it at the NAS.
    """
    from filterd.operations import input_values
    from filterd.operations.sessions import commands

    async def run(context: Context) -> ToldOutcome:
        return await commands.end(context, address, input_values.when(at, "--at") if at else None)

    perform(config, run)
    if as_json:
        output.show_json({"ended": address})
    else:
        output.done(
            f"{address} is nobody's; where the line is still connected, the next packet of its NAS or the "
            "next lease begins the session again"
        )


@session.command("list")
@common
def list_(config: Path | None, as_json: bool) -> None:
    """Count the sessions: those of registered subscribers, by what told of them, the oldest, the stale.

    Single sessions are shown for a line or an address alone, and that is audited: filterd session show.
    """
    from filterd.operations.sessions import commands

    found = perform(config, commands.counts)
    if as_json:
        output.show_json(found)
        return
    known = found["known"]
    output.show_fields(
        (
            ("registered", known["registered"]),
            ("not registered", known["unregistered"]),
            ("told by", ", ".join(f"{each} {sum(of.values())}" for each, of in found["sources"].items())),
            ("oldest confirmation", f"{found['oldest']:.0f} s ago" if found["oldest"] else ""),
            ("gone stale, since control began", found["changes"]["stale"]),
            ("in all", f"{sum(known.values())} of {found['most']} at most"),
            ("refused, since control began", found["refused"]),
            ("every session is known", found["complete"]),
            ("resolvers that follow", found["followers"]),
        )
    )


@session.command()
@click.argument("address", metavar="[ADDRESS[:PORT]]", required=False)
@click.option("--line", "subscriber", metavar="SUBSCRIBER", help="The sessions of this subscriber's line.")
@common
def show(config: Path | None, as_json: bool, address: str | None, subscriber: str | None) -> None:
    """Show the session of an address, or those of a line, at this moment.

    Says who told of it, how long ago it was confirmed, and until when it is good; or that two lines claim the
    address, so that it is nobody's. Of ADDRESS:PORT in a rule for shared addresses it shows the session of
    the inside address. Of a line with more than 1,000 sessions the first 1,000 are shown, and
    how many there are (in_all of --json). That you looked is written in the audit trail, without the address.
    Which address a line had before is known nowhere.
    """
    from filterd.operations.sessions import commands, protocol, showing

    if bool(address) == bool(subscriber):
        message = "give an ADDRESS, or --line SUBSCRIBER"
        raise click.UsageError(message)

    async def look(context: Context) -> tuple[float, ShownSessions]:
        if address:
            return context.clock(), await showing.show_client(context, address)
        return context.clock(), await commands.show_line(context, subscriber or "")

    now, found = perform(config, look)
    if as_json:
        plain = [{**_plain(each, now), "in_all": found.count} for each in found.sessions]
        output.show_json([_ambiguous(address)] if found.ambiguous else plain)
        return
    if found.ambiguous:
        output.warn(f"{address} {protocol.AMBIGUOUS}", protocol.CONTESTED)
        return
    rows = [_row(each, now) for each in found.sessions]
    if found.inside:
        output.done(f"{address} is {found.inside} inside, by a rule for shared addresses")
    empty = f"no session of {found.inside or address or subscriber} is known; {found.reason or COUNTED}"
    output.show_table(("subscriber", "addresses", "told by", "confirmed", "good until"), rows, empty)
    if found.count > len(rows):
        message = f"{subscriber} has {found.count} sessions; only the first {len(rows)} are shown"
        output.warn(message, "ask for one: filterd session show ADDRESS; see why one line has so many")


def _row(shown: ShownSession, now: float) -> tuple[object, ...]:
    session = shown.session
    return (
        shown.subscriber or "(not registered)",
        ", ".join(session.addresses),
        session.source,
        f"{max(0, now - session.confirmed_at):.0f} s ago",
        output.moment(session.until),
    )


def _plain(shown: ShownSession, now: float) -> dict[str, object]:
    session = shown.session
    return {
        "subscriber": shown.subscriber or None,
        "line": session.line or None,
        "addresses": list(session.addresses),
        "source": session.source.word,
        "confirmed_at": session.confirmed_at,
        "confirmed_seconds_ago": max(0, round(now - session.confirmed_at)),
        "until": session.until,
        "ambiguous": False,
    }


def _ambiguous(address: str | None) -> dict[str, object]:
    """The form of an address that two lines claim: that of a session which nobody has."""
    nothing = dict.fromkeys(("source", "confirmed_at", "confirmed_seconds_ago", "until"))
    return {
        "subscriber": None,
        "line": None,
        "addresses": [address],
        **nothing,
        "ambiguous": True,
        "in_all": 0,
    }


@session.command()
@click.argument("packet", type=ReadFile())
@click.option("--from", "sender", default="", help="The address of who sent it, where the file has none.")
@common
def explain(config: Path | None, as_json: bool, packet: GivenFile, sender: str) -> None:
    """Say what an accounting packet in a file would do, and what to mend. Changes nothing.

    The file has the payload of a UDP datagram, as bytes or in hexadecimal, or it is a capture:
    tcpdump -w FILE udp port 1813. Secrets are those of accounting.radius.clients. Exit code 1 where the
    packet would be dropped.
    """
    from filterd.operations.sessions import explaining

    found = perform(config, lambda context: explaining.explain(context, packet, sender))
    if as_json:
        output.show_json(found)
    else:
        output.show_fields(_steps(found))
    stopping = [each for each in found.problems if each.stops]
    for each in found.problems:
        if not each.stops:
            output.warn(each.text, each.remedy)
    if stopping:
        raise Failure([each.text for each in stopping], "; ".join(each.remedy for each in stopping))


def _difference(behind: float | None) -> str:
    """The clock of a NAS against the one of the machine that captured its packet."""
    if behind is None:
        return ""
    return f"{abs(behind):.1f} s {'behind' if behind >= 0 else 'ahead of'} that of the capture"


def _steps(found: ExplainedSession) -> list[tuple[str, object]]:
    """The steps of control with the packet, in their order."""
    packet = found.packet
    named = f"{packet.line_attribute} = {packet.line_value}" if packet.line_value else packet.line_attribute
    proven = {None: "not checked", True: "right", False: "wrong"}
    return [
        ("sender", found.sender or "not known"),
        ("client", found.client or ""),
        ("packet", " ".join(filter(None, (packet.code, packet.status)))),
        ("authenticator", proven[packet.authenticator]),
        ("Message-Authenticator", proven[packet.message_authenticator]),
        ("NAS", packet.nas or "the sender"),
        ("happened", output.moment(packet.happened_at) or f"on arrival, less {packet.delay} s"),
        ("Acct-Delay-Time", f"{packet.delay} s" if packet.delay else ""),
        ("arrived", output.moment(found.arrived_at) or "the file does not say"),
        ("clock of the NAS", _difference(found.behind)),
        ("addresses", packet.addresses),
        ("named by", named),
        ("subscriber", packet.line or ""),
        ("line", found.line if found.line is not None else "not registered"),
        ("opted in", found.opted_in),
        ("so", found.verdict),
    ]
