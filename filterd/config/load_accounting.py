"""Makes the settings on sessions and shared addresses of what the configuration file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from filterd.config import accounting_settings
from filterd.config.raw_accounting import RawAccounting, RawRadius
from filterd.config.raw_identities import RawMapRule, RawSharedAddresses


def accounting(raw: RawAccounting, base: Path) -> accounting_settings.AccountingSettings:
    """The settings on sessions; relative paths are below ``base``."""
    return accounting_settings.AccountingSettings(
        radius=None if raw.radius is None else _radius(raw.radius, base),
        leases=tuple(
            accounting_settings.LeasesSettings(
                accounting_settings.LeaseFormat(each.format),
                base / each.file,
                accounting_settings.LeaseValue(each.line),
                tuple(map(accounting_settings.Normalization, each.normalize)),
            )
            for each in raw.leases
        ),
        pools=raw.pools,
        stale_after=raw.stale_after,
        settle=raw.settle,
        sessions=raw.sessions,
    )


def _radius(raw: RawRadius, base: Path) -> accounting_settings.RadiusSettings:
    clients = tuple(
        accounting_settings.RadiusClientSettings(
            each.prefix,
            base / each.secret_file,
            accounting_settings.Timestamps(each.timestamps),
            each.message_authenticator,
            each.networks,
        )
        for each in raw.clients
    )
    return accounting_settings.RadiusSettings(
        raw.listen, clients, raw.line, tuple(map(accounting_settings.Normalization, raw.normalize))
    )


def shared_addresses(
    raw: Sequence[RawSharedAddresses],
) -> tuple[accounting_settings.SharedAddressesSettings, ...]:
    """The rules of carrier-grade NATs."""
    return tuple(
        accounting_settings.SharedAddressesSettings(
            each.outside, each.inside, each.first_port, each.ports, accounting_settings.PortOrder(each.order)
        )
        for each in raw
    )


def map_rules(raw: Sequence[RawMapRule]) -> tuple[accounting_settings.MapRuleSettings, ...]:
    """The mapping rules of MAP-E and MAP-T."""
    return tuple(accounting_settings.MapRuleSettings(**dict(each)) for each in raw)
