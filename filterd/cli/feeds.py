"""``filterd feed``: reads lists into the product, and shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filterd.cli import feed_enabling, feed_review, output
from filterd.cli.failure import Failure
from filterd.cli.feed_comparing import compare, digests
from filterd.cli.feed_holding import hold
from filterd.cli.feed_publish import publish, unpublish
from filterd.cli.feed_signing import origin_fields, sign, trust, verify
from filterd.cli.group import Group
from filterd.cli.options import ReadFile, common
from filterd.cli.use_case import perform
from filterd.operations.plain_feeds import feed_origin, feed_state, plain_feed, plain_skipped, plain_update

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.disk.given_file import GivenFile
    from filterd.model.records import AdoptedFeed, FeedVersion, HeldFeed
    from filterd.operations.feeds.listing import FeedStatus
    from filterd.operations.feeds.taking import FeedUpdate

FORMATS = ("domains", "wildcard", "hosts", "adblock", "dnsmasq", "unbound", "ut1")
SHOWN = 20
"""skipped lines that are shown for each feed; --json shows all that are kept"""


@click.group(cls=Group)
def feed() -> None:
    """Read lists into the product."""


for _command in (
    sign,
    verify,
    trust,
    hold,
    feed_enabling.enable,
    feed_review.diff,
    publish,
    unpublish,
    digests,
    compare,
):
    feed.add_command(_command)


@feed.command("list")
@click.option("--ready", is_flag=True, help="List the ready feeds: off until one is enabled.")
@common
def list_(ready: bool, config: Path | None, as_json: bool) -> None:
    """List the feeds and where each stands."""
    if ready:
        feed_enabling.list_ready(config, as_json)
        return
    from filterd.operations.feeds import listing

    found, unread = perform(config, listing.standing)
    if as_json:
        output.show_json([plain_feed(each) for each in found])
    else:
        _show_list(found)
    if unread is not None:
        raise Failure(
            [str(unread), "what is listed is in force, and stays so; the rest of the policies is not read"],
            unread.remedy,
        )


def _show_list(found: Sequence[FeedStatus]) -> None:
    columns = ("feed", "use", "names", "held", "skipped", "read at", "from", "state")
    rows = [
        (
            each.feed.id,
            feed_enabling.use_of(each.feed),
            each.version.names if each.version else 0,
            each.hold.names if each.hold else 0,
            each.version.skipped if each.version else 0,
            output.moment(each.version.at if each.version else None),
            feed_origin(each),
            feed_state(each),
        )
        for each in found
    ]
    output.show_table(columns, rows, "there is no feed; feeds.yaml of the policies directory names them")
    for each in found:
        if _problem(each):
            click.echo(f"{each.feed.id}: {_problem(each)} (filterd feed show {each.feed.id})", err=True)
        feed_review.warn_of_held(each)


@feed.command()
@click.argument("feeds", nargs=-1, metavar="[FEED ...]")
@click.option("--accept", is_flag=True, help="Read nothing; take into force what is held back of one feed.")
@click.option("--reason", help="With --accept: why it is right.")
@click.option("--digest", default="", help="With --accept: the beginning of the digest that was reviewed.")
@common
def update(
    feeds: tuple[str, ...], accept: bool, reason: str | None, digest: str, config: Path | None, as_json: bool
) -> None:
    """Read these feeds, or all, each into a new version where it changed.

    What is read reaches the nodes with the next snapshot. A running control reads feeds and builds
    snapshots by itself; without one: filterd snapshot build.

    What is held back of a feed waits for a person: review it with filterd feed diff, then give --accept.
    With orders.approvals: 2 that of a mandatory feed takes another person, who gives the same command.
    """
    if accept:
        feed_review.accept(feeds, reason, digest, config, as_json)
        return
    if reason is not None or digest:
        message = "--reason and --digest belong to --accept"
        raise click.UsageError(message)
    from filterd.operations.feeds import updating

    with output.progress("reading lists") as tell:
        done = perform(config, lambda context: updating.update(context, feeds, progress=tell))
    if as_json:
        output.show_json([plain_update(each) for each in done])
    else:
        _show_updates(done)
    failed = [each for each in done if each.problem]
    if failed:
        messages = [f"{each.feed}: {each.outcome}: {each.problem}" for each in failed]
        remedy = "mend the source: see why with filterd feed show FEED"
        if any(each.version for each in failed):
            remedy += "; the version that was read before stays in use"
        if any(each.outcome == "quarantined" for each in failed):
            remedy += "; see what a quarantined one would change: filterd feed diff FEED; if it is right: "
            remedy += "filterd feed update FEED --accept --reason ..."
        raise Failure(messages, remedy)


@feed.command()
@click.argument("feed")
@common
def show(feed: str, config: Path | None, as_json: bool) -> None:
    """Show a feed and its versions."""
    from filterd.operations.feeds import listing

    status = perform(config, lambda context: listing.show(context, feed))
    versions = perform(config, lambda context: listing.versions(context, feed))
    origin = perform(config, lambda context: listing.origin(context, feed))
    if as_json:
        output.show_json({**plain_feed(status), "versions": versions, "provenance": origin})
        return
    found = status.feed
    output.show_fields(
        [
            ("feed", found.id),
            ("from", feed_origin(status)),
            ("source", found.source),
            ("format", found.format.value),
            ("scope", found.scope),
            ("use", feed_enabling.use_of(found)),
            *feed_enabling.publication_fields(status),
            ("state", feed_state(status)),
            ("adopted", _adopted(status)),
            ("checked", output.moment(status.check.checked_at if status.check else None)),
            *_servers(status),
            ("problem", _problem(status)),
            *origin_fields(status.version, origin),
            *feed_review.hold_fields(status),
        ]
    )
    columns = ("version", "state", "names", "skipped", "read at", "digest")
    output.show_table(columns, [_version(each) for each in versions], "never read: filterd feed update")


@feed.command()
@click.argument("feed")
@click.option("--reason", required=True, help="Why it ends.")
@common
def retire(feed: str, reason: str, config: Path | None, as_json: bool) -> None:
    """End a feed that was enabled, or whose entry was taken out of feeds.yaml; until then it is in force.

    With orders.approvals: 2 a mandatory feed ends when another person gives the same command.
    """
    from filterd.operations.publishing import retiring

    ended = perform(config, lambda context: retiring.retire(context, feed, reason=reason))
    if as_json:
        output.show_json(ended)
        return
    output.show_fields(
        [
            ("feed", ended.feed),
            ("state", ended.state),
            ("adopted", _who(ended.adopted_at, ended.adopted_by)),
            ("end asked for", _who(ended.asked_at, ended.asked_by)),
            ("retired", _who(ended.retired_at, ended.retired_by)),
            ("reason", ended.reason),
        ]
    )
    output.done(_after_retirement(ended))


@feed.command()
@click.argument("file", type=ReadFile())
@click.option("--format", "form", type=click.Choice(FORMATS), required=True, help="How the file is written.")
@click.option(
    "--scope",
    type=click.Choice(("exact", "subtree", "below")),
    help="Scope of entries that say none; default exact for hosts and adblock, subtree else.",
)
@click.option("--part", default="", help="Category of an archive (ut1) to read; default all.")
@common
def parse(
    file: GivenFile, form: str, scope: str | None, part: str, config: Path | None, as_json: bool
) -> None:
    """Show what a list would give, name by name, and every line that is skipped; load nothing."""
    from filterd.model.rule import Scope
    from filterd.operations.context import OperationError
    from filterd.operations.feeds.look import parse_file

    try:
        rules, report = parse_file(file, form, Scope[scope.upper()] if scope else None, part)
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    if as_json:
        output.show_json({"names": rules, "skipped": [plain_skipped(each) for each in report.kept]})
        return
    for rule in rules:
        click.echo(f"{rule.action.word} {rule.scope.word} {rule.name}")
    for skipped in report.kept:
        click.echo(f"{file}:{skipped}", err=True)
    for reason, count in report.reasons.most_common():
        click.echo(f"{count} skipped: {reason}", err=True)
    urls = f", of them {report.not_executable} not executable by DNS" if report.not_executable else ""
    output.done(f"{len(rules)} names, {report.count} skipped{urls}")


def _servers(status: FeedStatus) -> list[tuple[str, object]]:
    """The server that gave a fetched list last, and what went wrong at others in the last attempt."""
    fetch = status.fetch
    if fetch is None:
        return []
    served = f"{output.moment(fetch.served_at)} by {fetch.served_by}" if fetch.served_at else "never"
    same = "" if fetch.modified or not fetch.served_at else ", which said that it is the same still"
    found: list[tuple[str, object]] = [("given", f"{served}{same}")]
    found += [("server failed", text) for text in fetch.failures]
    if fetch.gone_since:
        found.append(("gone since", output.moment(fetch.gone_since)))
    return found


def _problem(status: FeedStatus) -> str:
    """The reason why the newest version or the entry is not in use; empty if they are."""
    if status.orphaned is not None and not status.unread:
        return _lost(status)
    if status.kept_back is not None and (status.held or not status.kept_back.held_at):
        return _held(status.kept_back)
    if status.quarantined and status.newest is not None:
        return status.newest.note
    return status.check.error if status.check else ""


def _held(hold: HeldFeed) -> str:
    """The hold in words, with the next step."""
    if not hold.held_at:
        moment = _who(hold.asked_at, hold.asked_by)
        return f"asked to be held at version {hold.version} at {moment}; waits for another person"
    moment = _who(hold.held_at, hold.held_by)
    return f"held at version {hold.version} since {moment}: {hold.reason}; newer ones are not taken"


def _adopted(status: FeedStatus) -> str:
    """The adoption of a feed in force: time and person; empty if it is in force no more."""
    adopted = status.adopted
    if adopted is None or adopted.state.value == "retired":
        return ""
    return _who(adopted.adopted_at, adopted.adopted_by)


def _lost(status: FeedStatus) -> str:
    """The loss of the entry in words, with the remedy."""
    adopted = status.adopted
    if adopted is not None and adopted.asked_by:
        moment = _who(adopted.asked_at, adopted.asked_by)
        return f"in force still: its end was asked for at {moment}, and waits for another person"
    if status.orphaned == "rekeyed":
        trust = f"filterd feed trust {status.feed.id} --reason ..."
        return f"read as adopted: feeds.yaml has another key for it, or none; put it back, or: {trust}"
    retire = f"filterd feed retire {status.feed.id} --reason ..."
    if status.orphaned == "vanished":
        how = "lost its entry in feeds.yaml, or in feeds.d if it was enabled"
    else:
        file = "feeds.yaml" if status.publication is None else "feeds.d"
        how = f"has an entry that would lift what was adopted in {file}"
    return f"in force still: it {how}; put that back, or: {retire}"


def _after_retirement(ended: AdoptedFeed) -> str:
    if ended.state.value == "retiring":
        return (
            "in force still: waits for another person, who gives the same command; "
            "putting its entry back into feeds.yaml calls it off"
        )
    return (
        "retired; its names are lifted with the next snapshot; a running control builds it by itself, "
        "else: filterd snapshot build"
    )


def _who(at: float, actor: str) -> str:
    return f"{output.moment(at)} by {actor}" if at else ""


def _version(each: FeedVersion) -> Sequence[object]:
    moment = output.moment(each.at)
    return (each.version, each.state.value, each.names, each.skipped, moment, each.digest[:16])


def _show_updates(done: Sequence[FeedUpdate]) -> None:
    columns = ("feed", "outcome", "names in use", "skipped")
    rows = [
        (each.feed, each.outcome, each.version.names if each.version else 0, each.report.count)
        for each in done
    ]
    output.show_table(columns, rows, "there is no feed")
    for each in done:
        for skipped in each.report.kept[:SHOWN]:
            click.echo(f"{each.feed}:{skipped}", err=True)
        feed_review.tell_held(each)
    if any(each.outcome == "updated" for each in done):
        output.done(
            "what changed reaches the nodes with the next snapshot; a running control builds it by itself, "
            "else: filterd snapshot build"
        )
