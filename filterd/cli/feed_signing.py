"""``filterd feed sign``, ``verify`` and ``trust``: by whose word a list is believed."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from filterd.cli import output
from filterd.cli.failure import Failure
from filterd.cli.options import ReadFile, ReadText, common, json_option
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.disk.given_file import GivenFile
    from filterd.model.records import FeedVersion
    from filterd.operations.feeds.listing import FeedOrigin
    from filterd.operations.feeds.offline import Signed
    from filterd.operations.feeds.trust import Trusted

AUTO = "auto"


class _Serial(click.ParamType[int | None]):
    """A whole number, or ``auto`` (None)."""

    name = "N|auto"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """The number; None for ``auto``."""
        text = str(value)
        if text == AUTO:
            return None
        if not text.isascii() or not text.isdecimal():
            self.fail(f"{text!r} is no whole number and not {AUTO}", param, ctx)
        return int(text)


@click.command()
@click.argument("file", type=ReadFile())
@click.option("--feed", "feed_id", required=True, metavar="ID", help="The feed that the list is for.")
@click.option(
    "--serial",
    type=_Serial(),
    required=True,
    metavar="N|auto",
    help="A number above that of the list before; auto: the date and time in UTC.",
)
@click.option("--key", type=ReadFile(), required=True, help="The secret key's file, as minisign -G makes it.")
@click.option(
    "--password-file",
    type=ReadText(),
    help="A file whose first line is the key's password, - for standard input; default: asked for.",
)
@json_option
def sign(
    file: GivenFile,
    feed_id: str,
    serial: int | None,
    key: GivenFile,
    password_file: TextIO | None,
    as_json: bool,
) -> None:
    """Sign a list for a feed; works on a machine without filterd's store and configuration.

    Writes FILE.sha256 and FILE.sha256.minisig. They stand beside the list wherever it is read from.
    """
    from filterd.operations.errors import OperationError
    from filterd.operations.feeds.offline import sign_list

    try:
        signed = sign_list(
            file,
            feed_id,
            key,
            serial=serial,
            password=lambda: _password(key, password_file),
            clock=time.time,
        )
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    _show(signed, as_json=as_json)
    if signed.replaced is not None and signed.serial <= signed.replaced:
        message = f"the serial {signed.serial} is not above that of the signature before, {signed.replaced}"
        output.warn(message, "filterd refuses it where that list was taken: sign it with --serial auto")
    output.done("signed; put the list and both files where the feed is read from")


def _password(key: GivenFile, given: TextIO | None) -> str:
    """The password of a key, from the file or the terminal; it is never an argument, which all can see."""
    if given is not None:
        return given.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        message = f"the key {key} has a password, and there is no terminal to ask for it"
        raise Failure(message, "name a file that holds it: --password-file FILE, or - for standard input")
    return str(click.prompt(f"Password of {key}", hide_input=True, err=True))


@click.command()
@click.argument("file", type=ReadFile())
@click.option("--public-key", required=True, metavar="KEY", help="The signer's key, as in the feed's entry.")
@click.option("--feed", "feed_id", metavar="ID", help="The feed that it must be signed for; default: any.")
@json_option
def verify(file: GivenFile, public_key: str, feed_id: str | None, as_json: bool) -> None:
    """Verify a list and the two files beside it, as filterd does before it reads one; load nothing."""
    from filterd.operations.errors import OperationError
    from filterd.operations.feeds.offline import verify_list

    try:
        signed = verify_list(file, public_key, feed_id)
    except OperationError as error:
        raise Failure(str(error), error.remedy) from None
    _show(signed, as_json=as_json)


@click.command()
@click.argument("feed")
@click.option("--reason", required=True, help="Why the new key is believed.")
@common
def trust(feed: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Believe the key that feeds.yaml names for a mandatory feed, in place of the one it was adopted with.

    With orders.approvals: 2 another person gives the same command. Until then the old key counts.
    """
    from filterd.operations.feeds import trust as operation

    done = perform(config, lambda context: operation.trust(context, feed, reason=reason))
    if as_json:
        output.show_json(done)
        return
    output.show_fields(
        [
            ("feed", done.feed),
            ("public key", done.public_key or "none: its lists are taken unsigned"),
            ("state", "in force" if done.waiting is None else "waiting"),
        ]
    )
    output.done(_after(done))


def _after(done: Trusted) -> str:
    if done.waiting is not None:
        return (
            "the old key counts still: this waits for another person, who gives the same command; "
            "putting the old key back into feeds.yaml calls it off"
        )
    return f"read the list that the new key signed: filterd feed update {done.feed}"


def _show(signed: Signed, *, as_json: bool) -> None:
    if as_json:
        output.show_json(signed)
        return
    output.show_fields(
        [
            ("list", signed.file),
            ("feed", signed.feed),
            ("serial", signed.serial),
            ("SHA-256", signed.digest),
            ("signed by", signed.signer),
            ("public key", signed.public_key),
            ("manifest", signed.manifest),
            ("signature", signed.signature),
        ]
    )


def origin_fields(version: FeedVersion | None, origin: FeedOrigin) -> list[tuple[str, object]]:
    """The lines of ``feed show`` on the file that the current version was read from, and on its signer."""
    source = None if version is None else origin.sources.get(version.version)
    fields: list[tuple[str, object]] = []
    if version is not None and source is not None:
        owner = "" if source.owner < 0 else f", of user {source.owner}"
        fields = [
            ("read from", f"{source.path}, {source.size} bytes{owner}"),
            ("source digest", version.source_digest),
        ]
        if source.proof is None:
            fields.append(("signed", "no"))
        else:
            fields.append(("signed", f"by {source.proof.signer}, serial {source.proof.serial}"))
    if origin.newest is not None:
        fields.append(("newest serial", origin.newest.serial))
    if origin.asked is not None:
        asked = origin.asked
        key = asked.public_key or "none"
        moment = output.moment(asked.asked_at)
        fields.append(("key asked for", f"{key}, at {moment} by {asked.asked_by}: waits for another person"))
    return fields
