"""The settings of the block page, from the section ``block_page`` and from ``web.block``."""

from __future__ import annotations

from pathlib import Path

from filterd.config.block_settings import BlockPageSettings, BlockServerSettings, SinkholeSettings
from filterd.config.raw_block import RawBlock, RawBlockPage
from filterd.config.web_settings import TlsSettings


def block_server(block: RawBlock, base: Path) -> BlockServerSettings | None:
    """The process of the block page; None: it has nothing to listen on."""
    if not block.listen and not block.https:
        return None
    tls = None if block.tls is None else TlsSettings(base / block.tls.certificate, base / block.tls.key)
    return BlockServerSettings(block.listen, block.https, tls, block.connections, block.health)


def block_page(page: RawBlockPage) -> BlockPageSettings | None:
    """The addresses of each kind: its own ones, and for what it has none the general ones."""
    found = BlockPageSettings(
        *(
            SinkholeSettings(own.ipv4 or page.ipv4, own.ipv6 or page.ipv6)
            for own in (page.parental, page.security, page.mandatory, page.confidential)
        )
    )
    return found if found.addresses else None
