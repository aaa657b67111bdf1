"""Turns the settings on RADIUS into the values that the code for packets takes."""

from __future__ import annotations

from filterd.accounting.radius_types import LineRule, RadiusClient
from filterd.config.settings import RadiusClientSettings, RadiusSettings, Timestamps
from filterd.config.value_types import attribute_of


def radius_client(settings: RadiusClientSettings, secret: bytes) -> RadiusClient:
    """A client with its secret."""
    sent = settings.timestamps == Timestamps.SENT
    return RadiusClient(settings.prefix, secret, sent, settings.message_authenticator)


def line_rule(settings: RadiusSettings) -> LineRule:
    """The attribute that names the line, and what is done to its value."""
    return LineRule(*attribute_of(settings.line), tuple(each.value for each in settings.normalize))
