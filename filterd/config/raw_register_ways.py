"""The schema of the ways to a register that is more than one address: a page, and a platform of tickets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from filterd.config.raw_types import Duration, FilePath, Section, key

_Mark = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^\S.*\S$")]
_Host = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$")]
_Item = Annotated[str, Field(pattern=r"^[a-z0-9_][a-z0-9_.-]{0,252}$")]
_HOUR = 3600


def _email(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:
        message = "no name of an account: ASCII without spaces"
        raise ValueError(message)
    return text


class RawListedPage(Section):
    """The page at `source` that names a list and its control file, whose addresses change."""

    list_mark: _Mark = Field(
        description="A piece of the address, or of the words, of the link to the text list.",
        examples=["elenco_siti_inibiti.txt"],
    )
    control_mark: _Mark = Field(
        description="The same of its control file, with a digest by SHA-256 or longer.",
        examples=["elenco_siti_inibiti.sha-256"],
    )
    hosts: tuple[_Host, ...] = key(
        (), "Hosts at which the files may be, beside the page's own.", max_length=8
    )


class RawTicketPlatform(Section):
    """The account at the platform of tickets whose address is `source`."""

    account: Annotated[str, AfterValidator(_email)] = Field(
        description="Who signs in.", max_length=254, examples=["noc@isp.example"]
    )
    password_file: FilePath = Field(
        description="File with the password, relative to the file's directory. Read at each login."
    )
    hold: Duration = key(
        "60s", "How long a ticket waits, since its sender may cancel it for so long.", ge=0, le=900
    )
    compare_every: Duration = key(
        "1h", "How often the full lists are held against what is blocked.", ge=60, le=31 * 24 * _HOUR
    )
    protected: tuple[_Item, ...] = key(
        (),
        "Names and IPv4 addresses of the provider that the platform is told never to list.",
        max_length=1000,
    )
    timeout: Duration = key("30s", "For one request with its answer.", ge=1, le=300)


def require_ways(
    kind: str,
    source: str,
    page: RawListedPage | None,
    platform: RawTicketPlatform | None,
    *,
    confidential: bool,
) -> None:
    """Refuse a register whose kind lacks its way, or has another's. Raises ValueError."""
    for name, given, wanted in (("page", page, "adm"), ("platform", platform, "tickets")):
        if given is not None and kind != wanted:
            message = f"{name} is for registers of kind {wanted}"
            raise ValueError(message)
    remote = source.startswith("https://")
    if kind == "adm" and remote and page is None:
        message = "a page whose files move needs page: {list_mark, control_mark}"
        raise ValueError(message)
    if kind == "tickets" and (platform is None or not remote):
        message = "a register of tickets needs source: https://... and platform: {account, password_file}"
        raise ValueError(message)
    if kind == "tickets" and confidential:
        message = "the replies to tickets name their entries, which a confidential register does not keep"
        raise ValueError(message)
