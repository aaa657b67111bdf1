"""``filterd feed enable`` and ``filterd feed list --ready``: public lists, off until a person says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import output
from filterd.cli.options import common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.operations.feeds.enabling import ReadyStatus
    from filterd.operations.feeds.listing import FeedStatus
    from filterd.policy.documents import Feed, Publication


@click.command()
@click.argument("feed")
@click.option("--reason", default="", help="Why; kept in the audit trail.")
@common
def enable(feed: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Take a ready feed into force: a public list whose address is shipped (filterd feed list --ready).

    Read its licence, which is printed: it is between you and the publisher of the list. A running control
    fetches the list at once. To end it: filterd feed retire.
    """
    from filterd.operations.feeds import enabling

    done = perform(config, lambda context: enabling.enable(context, feed, reason=reason))
    found, publication = done.ready.feed, done.ready.publication
    if as_json:
        output.show_json(
            {"feed": found.id, "adopted": done.adopted, "publication": publication, "source": found.source}
        )
        return
    output.show_fields(
        [
            ("feed", found.id),
            ("use", use_of(found)),
            ("source", found.source),
            *_fields(publication),
        ]
    )
    output.done(
        f"enabled; a running control fetches it now, else: filterd feed update {found.id}."
        f" Watch it with: filterd feed show {found.id}."
        f" It blocks with the next snapshot after that{_when(found)}"
    )


def list_ready(config: Path | None, as_json: bool) -> None:
    """Print the ready feeds."""
    from filterd.operations.feeds import enabling

    found = perform(config, enabling.list_ready)
    if as_json:
        output.show_json([_status(each) for each in found])
        return
    rows = [
        (
            each.ready.feed.id,
            use_of(each.ready.feed),
            each.ready.publication.title.en,
            each.ready.publication.publisher,
            each.ready.publication.licence,
            each.version.names if each.version else "unknown",
            "enabled" if each.enabled else "off",
        )
        for each in found
    ]
    columns = ("feed", "use", "title", "publisher", "licence", "names", "state")
    output.show_table(columns, rows, "there is no ready feed; feeds.d of the policies directory has them")
    if found:
        output.done("enable one with: filterd feed enable FEED")


def use_of(feed: Feed) -> str:
    """The use of a feed: its category, the way around that it closes, or the word of its use."""
    if feed.bypass is not None:
        return f"{feed.use.value} {feed.bypass}"
    return feed.category or feed.use.value


def publication_fields(status: FeedStatus) -> list[tuple[str, object]]:
    """The lines of ``feed show`` on a ready feed."""
    if status.publication is None:
        return []
    fields = _fields(status.publication)
    if status.off:
        fields.append(("enable", f"filterd feed enable {status.feed.id}"))
    return fields


def _fields(publication: Publication) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = [
        ("title", publication.title.en),
        ("publisher", publication.publisher),
        ("licence", publication.licence),
        ("address from", f"{publication.address_from}, {publication.address_on}"),
    ]
    if publication.note is not None:
        fields.append(("note", publication.note.en))
    return fields


def _when(feed: Feed) -> str:
    """The condition under which the feed blocks anything, for the end of a sentence."""
    if feed.bypass is not None:
        return f", for the profiles that close {feed.bypass}"
    if feed.category is not None:
        return f", for the profiles that restrict {feed.category}"
    return ", while security.enabled is set"


def _status(status: ReadyStatus) -> dict[str, Any]:
    feed = status.ready.feed
    return {
        **output.plain(feed),
        "use": feed.use.value,
        "publication": output.plain(status.ready.publication),
        "enabled": status.enabled,
        "origin": output.origin(shipped=status.shipped),
        "names": status.version.names if status.version else None,
    }
