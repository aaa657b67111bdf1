"""A small installation on disk for tests of the control plane: policies, settings, a migrated store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path

from filterd.config.load import from_value
from filterd.config.portal_settings import OpenidSettings, PortalSettings
from filterd.config.settings import OrderSettings, Settings
from filterd.config.value_types import Endpoint
from filterd.config.web_settings import ApiSettings, WebSettings
from filterd.operations.context import Context, open_context
from tests.worlds.migrated import migrated

NOW = 1_800_000_000.0
PORTAL_URL = "https://filtro.example"

POLICIES = {
    "categories.yaml": """
- {id: adult, title: {es: Adultos, en: Adult}, description: {es: Sexo, en: Sex}}
- {id: gambling, title: {es: Apuestas, en: Gambling}, description: {es: Juego, en: Bets}}
""",
    "feeds.yaml": """
- {id: adult-starter, source: lists/adult.txt, format: domains, category: adult}
- {id: gambling-starter, source: lists/gambling.txt, format: wildcard, category: gambling}
- id: worst-of
  source: lists/worst.txt
  format: domains
  mandatory: {authority: INTERPOL, ground: adopted, confidential: true}
""",
    "services.yaml": """
- {id: chat, title: {es: Chat, en: Chat}, names: {subtree: [chat.example]}}
""",
    "safesearch.yaml": """
- id: search-strict
  engine: search
  title: {es: Busca, en: Search}
  target: safe.search.example
  names: {exact: [search.example]}
""",
    "bypass.yaml": """
- {id: doh, title: {es: DoH, en: DoH}, names: {subtree: [doh.example]}, addresses: [192.0.2.53]}
""",
    "protected.yaml": """
public_suffixes: true
names: {subtree: [portal.example], exact: [help.example]}
addresses: [198.51.100.0/24]
always_allowed: {subtree: [school.example]}
""",
    "expected.yaml": "popular.example: [gambling]\n",
    "profiles/child.yaml": """
title: {es: Niños, en: Child}
description: {es: Niños, en: Child}
audience: {es: 5 a 12, en: 5 to 12}
categories: [adult, gambling]
services: [chat]
safe_search: [search-strict]
bypass: [doh]
""",
    "profiles/teen.yaml": """
title: {es: Jóvenes, en: Teen}
description: {es: Jóvenes, en: Teen}
audience: {es: 13 a 15, en: 13 to 15}
categories: [adult]
""",
    "lists/adult.txt": "adult.example\nblue.example\nred.example\n",
    "lists/gambling.txt": "*.bets.example\ncasino.example\n",
    "lists/worst.txt": "worst.example\n",
}


@dataclass
class Installation:
    """Settings over a directory; :meth:`open` gives a context with a clock that stands still."""

    base: Path
    settings: Settings
    now: float = NOW

    @property
    def url(self) -> str:
        """The store's URL."""
        return self.settings.store.url

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.base / "filterd.db"

    def write_policy(self, name: str, text: str) -> None:
        """Replace a file of the policies directory."""
        path = self.base / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def clock(self) -> float:
        """The time that the tests set."""
        return self.now

    @asynccontextmanager
    async def open(
        self, actor: str = "ana", *, approvals: int | None = None, clock: Callable[[], float] | None = None
    ) -> AsyncIterator[Context]:
        """A context as the command line would have it."""
        settings = self.settings
        if approvals is not None:
            settings = replace(settings, orders=OrderSettings(approvals))
        async with open_context(settings, actor=actor, clock=clock or self.clock) as context:
            yield context


def as_person(context: Context, actor: str) -> Context:
    """The same context with another person acting."""
    return replace(context, actor=actor)


def settings_in(base: Path) -> Settings:
    """The settings of the installation at a directory."""
    return from_value(
        {
            "store": {"url": f"sqlite:///{base}/filterd.db"},
            "state_dir": str(base / "state"),
            "policies": str(base / "policies"),
            "dns": {"upstreams": ["192.0.2.53:53"]},
        },
        base=base,
    )


def write_policies(folder: Path) -> Path:
    """The small policies directory; its path."""
    for name, text in POLICIES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def with_portal(settings: Settings, openid: OpenidSettings | None = None) -> Settings:
    """The settings, with a portal."""
    api = ApiSettings(Endpoint(IPv4Address("127.0.0.1"), 8080), 64, 50)
    return replace(settings, web=WebSettings(api, None, sign_in=PortalSettings(PORTAL_URL, openid)))


async def install(base: Path) -> Installation:
    """Write the policies, and make the store."""
    made = Installation(base, settings_in(base))
    write_policies(base / "policies")
    await migrated(made.url, made.settings.store.ledger)
    return made
