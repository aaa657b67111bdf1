"""The settings on alarms and mail: whole, and never in clear over a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import ConfigErrors, from_value
from filterd.config.settings import Settings

WHOLE = {"server": "mail.isp.example", "from": "filterd@isp.example", "to": ["duty@isp.example"]}


def load(mail: dict[str, Any] | None = None, alarms: dict[str, Any] | None = None) -> Settings:
    """The settings with these sections."""
    value: dict[str, Any] = {"dns": {"upstreams": ["192.0.2.53"]}}
    value |= {} if mail is None else {"mail": mail}
    value |= {} if alarms is None else {"orders": {"alarms": alarms}}
    return from_value(value, base=Path("/etc/filterd"))


def test_nothing_is_mailed_by_default() -> None:
    found = load()
    assert found.mail is None
    assert found.orders.alarms.before == (3600, 14_400, 86_400)
    assert found.orders.alarms.before_review == (86_400, 604_800)
    assert Settings.from_json(found.to_json()) == found


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465)])
def test_a_server(tls: str, port: int) -> None:
    found = load(WHOLE | {"tls": tls, "user": "u", "password_file": "secret"})
    assert found.mail is not None
    assert (found.mail.port, found.mail.sender) == (port, "filterd@isp.example")
    assert found.mail.password_file == Path("/etc/filterd/secret")
    assert Settings.from_json(found.to_json()) == found


def test_plain_text_is_for_loopback() -> None:
    found = load(WHOLE | {"tls": "none", "server": "127.0.0.1"})
    assert found.mail is not None
    assert found.mail.port == 25


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tls": "none"}, "loopback|127.0.0.1"),
        ({"to": []}, "must have server, from and to"),
        ({"from": None}, "must have server, from and to"),
        ({"user": "u"}, "belong together"),
        ({"password_file": "p"}, "belong together"),
        ({"to": ["nobody"]}, "no e-mail address"),
        ({"to": ["a@b.example\r\nBcc: c@d.example"]}, "no e-mail address"),
        ({"from": "Name <a@b.example>"}, "no e-mail address"),
        ({"server": "mail.example:25 x"}, "no name or address"),
        ({"tls": "maybe"}, "mail.tls"),
    ],
)
def test_wrong_sections(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        load(WHOLE | wrong)


def test_alarms() -> None:
    hook = {"id": "duty", "url": "https://duty.isp.example/x", "secret_file": "s"}
    found = load(alarms={"before": ["30m", "2h", "30m"], "webhooks": [hook]}).orders.alarms
    assert found.before == (1800, 7200)
    assert [(each.id, each.events) for each in found.webhooks] == [("duty", ())]
    with pytest.raises(ConfigErrors, match="twice"):
        load(alarms={"webhooks": [hook, hook]})
    with pytest.raises(ConfigErrors, match="before"):
        load(alarms={"before": ["5s"]})
