"""``filterd feed digests`` and ``compare``: which lists agree with those of other providers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filterd.cli import new_file, output
from filterd.cli.failure import Failure
from filterd.cli.options import ReadFile, common
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filterd.disk.given_file import GivenFile
    from filterd.operations.context import Context
    from filterd.operations.publishing.comparing import GivenDigests
    from filterd.store.publications import KeptComparison

_HTTPS = "https://"
_WORDS = {
    "same": "the same",
    "ours_behind": "ours is behind",
    "theirs_behind": "theirs is behind",
    "different": "differs",
    "only_ours": "only here",
    "only_theirs": "only there",
    "not_comparable": "cannot be compared: confidential, and not under one key",
}


class _FileOrAddress(ReadFile):
    """A file, or an address of https as it stands."""

    name = "FILE|URL"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The open file, or the address."""
        if isinstance(value, str) and value.startswith(_HTTPS):
            return value
        return super().convert(value, param, ctx)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write exactly what is signed to this new file.",
)
@common
def digests(out: Path | None, config: Path | None, as_json: bool) -> None:
    """Sign the digests of the lists in force, for other providers to compare with theirs.

    Of a confidential list stand there an opaque label, and the digest under the key that the authority holds
    too. It is signed by the key of checkpoints and statements.
    """
    from filterd.operations.publishing import digests as operation

    text = perform(config, operation.make)
    if out is not None:
        new_file.write(out, text.encode(), "digests")
    if as_json:
        output.show_json({"text": text})
    elif out is None:
        click.echo(text)
    else:
        output.done(f"written: {out}")


@click.command()
@click.argument("sources", nargs=-1, type=_FileOrAddress(), metavar="[FILE|URL ...]")
@click.option(
    "--key", "keys", type=ReadFile(), multiple=True, help="Their public keys, PEM: /servicio/claves.pem."
)
@click.option("--last", is_flag=True, help="Show the last comparison with each provider.")
@common
def compare(
    sources: tuple[GivenFile | str, ...],
    keys: tuple[GivenFile, ...],
    last: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Compare the lists in force with those of other providers: files of digests, or public statements.

    Ends with exit code 1 where a list that both have differs.
    """
    from filterd.operations.publishing import comparing

    if last == bool(sources) or (sources and not keys):
        message = "give files or addresses and --key, or --last alone"
        raise click.UsageError(message)

    async def act(context: Context) -> Sequence[KeptComparison]:
        if last:
            return await comparing.last(context)
        given = [await _given(context, each) for each in sources]
        return await comparing.compare(context, given, [_start(each) for each in keys])

    found = perform(config, act)
    if as_json:
        output.show_json([{**output.plain(each), "at": output.moment(each.at)} for each in found])
    else:
        _show(found)
    if comparing.differ(found):
        message = "lists differ"
        raise Failure(message, "see who is behind, and since when; one that is: filterd feed update LIST")


async def _given(context: Context, source: GivenFile | str) -> GivenDigests:
    from filterd.operations.publishing import comparing, fetching

    if isinstance(source, str):
        return comparing.GivenDigests(source, await fetching.fetched(context, source))
    return comparing.GivenDigests(str(source), _start(source))


def _start(file: GivenFile) -> bytes:
    """A file's content; cut beyond what any may have."""
    from filterd.operations.publishing.foreign import LARGEST

    with file.open() as content:
        return content.read(LARGEST + 1)


def _show(found: Sequence[KeptComparison]) -> None:
    if not found:
        output.show_table(("list",), [], "nothing was compared yet: filterd feed compare FILE --key KEYS")
    for kept in found:
        output.show_fields(
            [
                ("provider", kept.provider or "without a name"),
                ("installation", kept.installation),
                ("signed", output.moment(kept.told_at)),
                ("compared", output.moment(kept.at)),
            ]
        )
        rows = [
            (
                "confidential" if each["confidential"] else each["authority"] or each["kind"],
                each["list"],
                _WORDS[each["result"]],
                each["since"],
                each["version"] or "",
                each["their_version"] or "",
                each["digest"][:16],
                each["their_digest"][:16],
            )
            for each in kept.lists
        ]
        columns = ("by", "list", "result", "since", "version", "their version", "digest", "their digest")
        output.show_table(columns, rows, "neither has a list")
