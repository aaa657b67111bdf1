"""Devices with passkeys at the desk: what a page asks of them, and how a person adds one."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import httpx

from filterd.config.web_settings import WebSettings
from filterd.web import desk
from filterd.web.pages.application import make_pages
from tests.meta.test_known_failures import ROOT
from tests.unit.web.desk.conftest import BASE, Browser, DeskWorld
from tests.worlds.authenticator import Device

_OPTIONS = re.compile(r'data-options="([^"]+)"')


def take_passkeys(world: DeskWorld) -> None:
    """Put the desk under a public URL, so that it takes passkeys, with the deadlines of Mexico."""
    text = (ROOT / "policies/jurisdictions/mx.yaml").read_text()
    world.installation.write_policy("jurisdictions/mx.yaml", text)
    assert world.state.web.desk is not None
    world.state.web = WebSettings(None, None, desk=replace(world.state.web.desk, public_url=BASE))
    world.app = make_pages(desk.routes(), world.state)


def device() -> Device:
    """A device of somebody who opened the desk."""
    return Device(BASE, "desk.test")


def asked(reply: httpx.Response) -> str:
    """The options for the device on a page; empty: it asks for none."""
    found = _OPTIONS.search(reply.text)
    return html.unescape(found[1]) if found else ""


async def options(browser: Browser, path: str = "/desk/sign-in") -> str:
    """The options on the page at a path."""
    found = asked(await browser.get(path))
    assert found, path
    return found


async def enrol(browser: Browser, made: Device, label: str = "telephone", **proof: str) -> httpx.Response:
    """Add the device's passkey in a browser that is signed in. ``proof``: ``token``, or the ``answer`` of a
    passkey."""
    await browser.get("/desk/passkeys")
    page = await browser.post("/desk/passkeys/new", **proof)
    assert page.status_code == 200, page.text
    means = re.search(r'name="means" value="([^"]+)"', page.text)
    assert means
    answer = made.create(asked(page))
    return await browser.post("/desk/passkeys", answer=answer, label=label, means=means[1])
