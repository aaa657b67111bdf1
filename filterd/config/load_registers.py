"""Makes the settings on registers of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.load_notices import receiver
from filterd.config.raw_register_ways import RawListedPage, RawTicketPlatform
from filterd.config.raw_registers import RawRegister
from filterd.config.register_settings import CapacityDeclared, RegisterGuardSettings, RegisterSettings
from filterd.config.register_way_settings import ListedPageSettings, TicketPlatformSettings


def register(raw: RawRegister, base: Path) -> RegisterSettings:
    """The settings of one register; relative paths are below ``base``."""
    remote = raw.source.startswith("https://")
    return RegisterSettings(
        id=raw.id,
        kind=raw.kind,
        authority=raw.authority,
        ground=raw.ground,
        law=raw.law,
        official=raw.official or raw.authority,
        source=raw.source if remote or not raw.source else str(base / raw.source),
        list=raw.list,
        pull_every=raw.pull_every,
        push_secret_file=None if raw.push_secret_file is None else base / raw.push_secret_file,
        answers=None if raw.answers is None else receiver(raw.answers, base),
        answer_within=raw.answer_within,
        guard=RegisterGuardSettings(raw.guard.max_removals, raw.guard.min_entries),
        capacity=CapacityDeclared(raw.capacity.names, raw.capacity.addresses),
        confidential=raw.confidential,
        overblocking=raw.overblocking,
        blocking_mode=raw.blocking_mode,
        ca=None if raw.ca is None else base / raw.ca,
        largest=raw.largest,
        page=None if raw.page is None else _page(raw.page),
        platform=None if raw.platform is None else _platform(raw.platform, base),
    )


def _page(raw: RawListedPage) -> ListedPageSettings:
    return ListedPageSettings(raw.list_mark, raw.control_mark, raw.hosts)


def _platform(raw: RawTicketPlatform, base: Path) -> TicketPlatformSettings:
    return TicketPlatformSettings(
        account=raw.account,
        password_file=base / raw.password_file,
        hold=raw.hold,
        compare_every=raw.compare_every,
        protected=raw.protected,
        timeout=raw.timeout,
    )
