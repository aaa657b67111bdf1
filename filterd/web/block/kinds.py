"""The kinds of block pages, and the one that belongs to the address that a client came to.

The address is the sinkhole's own, which the resolver answered: nothing that the client sends says why it is
here. An address that several kinds share, or that is no sinkhole, has the general page.
"""

from __future__ import annotations

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, ip_address

from filterd.config.block_settings import BlockPageSettings
from filterd.model.block_kind import BlockKind


class PageKind(IntEnum):
    """The kinds of pages; the first four are :class:`filterd.model.block_kind.BlockKind`'s."""

    PARENTAL = BlockKind.PARENTAL
    SECURITY = BlockKind.SECURITY
    MANDATORY = BlockKind.MANDATORY
    CONFIDENTIAL = BlockKind.CONFIDENTIAL
    GENERAL = 4

    @property
    def word(self) -> str:
        """The word in the keys of texts and in labels."""
        return self.name.lower()


def pages_by_address(page: BlockPageSettings | None) -> dict[str, PageKind]:
    """The kind of page for each sinkhole address, in the text that a socket has for it."""
    if page is None:
        return {}
    return {
        str(address): PageKind(kinds[0]) if len(kinds) == 1 else PageKind.GENERAL
        for address, kinds in page.kinds.items()
    }


def plain_address(text: str) -> str:
    """The address of a socket as :func:`pages_by_address` writes it: without scope, an IPv4 one in IPv6 as
    what it is; as it stands where it cannot be read."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    return str(getattr(address, "ipv4_mapped", None) or address)
