"""Debian's Chromium, driven by Playwright: nothing is downloaded, and names are asked of one name server."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Response, sync_playwright

from tests.worlds.system import command

OFF = (
    "AsyncDns", "DnsOverHttps", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable", "OptimizationHints",
    "MediaRouter", "Translate", "PaintHolding",
)  # fmt: skip
"""features that would ask others than the system's resolver, or take a site's name for one over HTTPS"""
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-component-update",
    "--disable-background-networking",
    "--no-pings",
    "--font-render-hinting=none",
    f"--disable-features={','.join(OFF)}",
)


@contextmanager
def chromium(folder: Path, resolv_conf: Path | None = None) -> Iterator[Browser]:
    """A browser without a window. ``resolv_conf``: the file that it finds as /etc/resolv.conf."""
    found = command("chromium")
    if found is None:
        pytest.skip("needs chromium")
    program = found if resolv_conf is None else _with_resolver(folder, found, resolv_conf)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS], chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


def _with_resolver(folder: Path, program: Path, resolv_conf: Path) -> Path:
    """A program that starts the browser where the file is mounted over the system's."""
    script = folder / "chromium"
    mount = f"mount --bind {shlex.quote(str(resolv_conf))} /etc/resolv.conf"
    script.write_text(f'#!/bin/sh\nexec unshare --mount sh -c \'{mount} && exec {program} "$@"\' sh "$@"\n')
    script.chmod(0o755)
    return script


class Visit:
    """The end of an attempt to open a page: a response, or the browser's own error."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.error = ""
        self.response: Response | None = None
        try:
            self.response = page.goto(url)
        except Error as error:
            self.error = error.message

    @property
    def not_found(self) -> bool:
        """The browser found no address for the name."""
        return "ERR_NAME_NOT_RESOLVED" in self.error


def visit(browser: Browser, url: str) -> str:
    """The text of a page as a device sees it that has never been there; the browser's error where it does
    not open."""
    context = browser.new_context()
    try:
        page = context.new_page()
        found = Visit(page, url)
        return found.error or page.inner_text("body")
    finally:
        context.close()
