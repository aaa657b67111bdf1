"""Makes the settings on sessions and shared addresses of what the configuration file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filterd.config import settings
from filterd.config.raw_accounting import RawAccounting, RawRadius
from filterd.config.raw_identities import RawMapRule, RawSharedAddresses


def accounting(raw: RawAccounting, base: Path) -> settings.AccountingSettings:
    """The settings on sessions; relative paths are below ``base``."""
    return settings.AccountingSettings(
        radius=None if raw.radius is None else _radius(raw.radius, base),
        leases=tuple(
            settings.LeasesSettings(
                settings.LeaseFormat(each.format),
                base / each.file,
                settings.LeaseValue(each.line),
                tuple(map(settings.Normalization, each.normalize)),
            )
            for each in raw.leases
        ),
        pools=raw.pools,
        stale_after=raw.stale_after,
        settle=raw.settle,
        sessions=raw.sessions,
    )


def _radius(raw: RawRadius, base: Path) -> settings.RadiusSettings:
    clients = tuple(
        settings.RadiusClientSettings(
            each.prefix,
            base / each.secret_file,
            settings.Timestamps(each.timestamps),
            each.message_authenticator,
            each.networks,
        )
        for each in raw.clients
    )
    return settings.RadiusSettings(
        raw.listen, clients, raw.line, tuple(map(settings.Normalization, raw.normalize))
    )


def shared_addresses(raw: Sequence[RawSharedAddresses]) -> tuple[settings.SharedAddressesSettings, ...]:
    """The rules of carrier-grade NATs."""
    return tuple(
        settings.SharedAddressesSettings(
            each.outside, each.inside, each.first_port, each.ports, settings.PortOrder(each.order)
        )
        for each in raw
    )


def map_rules(raw: Sequence[RawMapRule]) -> tuple[settings.MapRuleSettings, ...]:
    """The mapping rules of MAP-E and MAP-T."""
    return tuple(settings.MapRuleSettings(**dict(each)) for each in raw)
