"""Turns the settings on RADIUS into the values that the code for packets takes."""

from __future__ import annotations

from collections.abc import Sequence

from filterd.accounting.radius_types import LineRule, RadiusClient
from filterd.config.accounting_settings import RadiusClientSettings, RadiusSettings, Timestamps
from filterd.config.value_types import IPNetwork, attribute_of


def radius_client(
    settings: RadiusClientSettings, secrets: Sequence[bytes], pools: tuple[IPNetwork, ...]
) -> RadiusClient:
    """A client with its secrets, one or two. It speaks for NASes in the name of the file that has them, and
    claims addresses in its own networks, else in the pools."""
    return RadiusClient(
        settings.prefix,
        secrets[0],
        settings.timestamps == Timestamps.SENT,
        settings.message_authenticator,
        b"".join(secrets[1:]),
        str(settings.secret_file).encode("utf-8", "surrogateescape"),
        settings.networks or pools,
    )


def line_rule(settings: RadiusSettings) -> LineRule:
    """The attribute that names the line, and what is done to its value."""
    return LineRule(*attribute_of(settings.line), tuple(each.value for each in settings.normalize))
