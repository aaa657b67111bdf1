"""The settings of the block page, from the section ``block_page`` and from ``web.block``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from filterd.config.block_settings import BlockPageSettings, BlockServerSettings, SinkholeSettings
from filterd.config.raw_block import RawBlock, RawBlockPage
from filterd.config.raw_web import RawWeb
from filterd.config.value_types import Endpoint
from filterd.config.web_settings import TlsSettings


def block_server(web: RawWeb, base: Path) -> BlockServerSettings | None:
    """The process of the block page; None: it has nothing to listen on."""
    block = web.block
    if not block.listen and not block.https:
        return None
    tls = None if block.tls is None else TlsSettings(base / block.tls.certificate, base / block.tls.key)
    urls = ((each.public_url or "").rstrip("/") for each in (web.portal, web.public))
    return BlockServerSettings(block.listen, block.https, tls, block.connections, block.health, *urls)


def block_page(page: RawBlockPage) -> BlockPageSettings | None:
    """The addresses of each kind: its own ones, and for what it has none the general ones."""
    found = BlockPageSettings(
        *(
            SinkholeSettings(own.ipv4 or page.ipv4, own.ipv6 or page.ipv6)
            for own in (page.parental, page.security, page.mandatory, page.confidential)
        )
    )
    return found if found.addresses else None


def block_listeners(block: RawBlock) -> Iterator[tuple[str, Endpoint]]:
    """The listeners of the block page, each with its place in the file."""
    for name, listeners in (("listen", block.listen), ("https", block.https)):
        yield from ((f"web.block.{name}[{place}]", each) for place, each in enumerate(listeners))
    if block.health is not None:
        yield ("web.block.health", block.health)
