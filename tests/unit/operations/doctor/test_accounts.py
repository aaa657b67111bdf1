"""Findings on the desks: an address for which no browser keeps a passkey."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.doctor import accounts
from filterd.operations.doctor.case import Case
from tests.worlds.findings import values

LISTEN = Endpoint(ip_address("127.0.0.1"), 21_610)


def look(case: Case, url: str) -> list[object]:
    """The findings with both desks under this URL."""
    pages = PagesSettings(LISTEN, 100, url)
    web = WebSettings(None, None, portal=pages, desk=pages, regulator=pages)
    return list(accounts.check(replace(case, settings=replace(case.settings, web=web))))


@pytest.mark.parametrize("url", ["https://desk.isp.example", "http://localhost:8082"])
def test_an_address_that_browsers_trust(case: Case, url: str) -> None:
    assert look(case, url) == []


@pytest.mark.parametrize("url", ["", "http://desk.isp.example", "https://192.0.2.1", "http://127.0.0.1:8082"])
def test_each_desk_without_one_is_named(case: Case, url: str) -> None:
    pages = PagesSettings(LISTEN, 100, url)
    web = WebSettings(None, None, regulator=pages)
    found = list(accounts.check(replace(case, settings=replace(case.settings, web=web))))
    assert values(found, "accounts.no_passkeys") == {"key": "web.regulator.public_url", "at": url or "-"}
    assert len(look(case, url)) == 2
