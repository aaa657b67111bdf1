"""A small installation for tests of the answers themselves: a list of each kind, a profile in each mode."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import yaml

from filterd.config.load import load
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import snapshots, subscribers
from filterd.operations.context import Context, open_context
from filterd.operations.feeds import updating
from filterd.operations.orders import taking
from filterd.operations.orders.intake import OrderRequest
from filterd.store.store import Store
from tests.e2e.deployment import Deployment

MODES = tuple(mode.word for mode in BlockingMode)
EVIDENCE = RequestEvidence("holder", "phone", 1_793_600_000.0, "2026-11", "T-1")
REQUEST = OrderRequest("Authority", "Official", "D-1", "Law 1", "test", (), accept_overblocking=True)
ADDRESSES = {mode: f"127.0.0.{number}" for number, mode in enumerate(MODES, 10)}
"""of the line whose profile blocks in that mode"""
NONE = "127.0.0.20"
"""a line that asked for nothing"""
EVENING = "127.0.0.21"
"""a line with a schedule"""
PAUSED = "127.0.0.22"


def _text(word: str) -> dict[str, str]:
    return {"es": word, "en": word}


def _entry(word: str, **more: object) -> dict[str, object]:
    return {"id": word, "title": _text(word), **more}


def write_policies(folder: Path, schedule: Iterable[object] = ()) -> Path:
    """``schedule``: the slots of the profile ``evening``."""
    policies = folder / "policies"
    (policies / "lists").mkdir(parents=True)
    (policies / "profiles").mkdir()
    documents: dict[str, object] = {
        "categories": [_entry("adult", description=_text("adult"))],
        "feeds": [
            {"id": "adult", "source": "lists/adult.txt", "format": "domains", "category": "adult"},
            {"id": "hosts", "source": "lists/hosts.txt", "format": "hosts", "category": "adult"},
            {"id": "malware", "source": "lists/malware.txt", "format": "domains", "security": {}},
        ],
        "services": [],
        "safesearch": [
            _entry("search", engine="search", target="safe.example", names={"exact": ["search.example"]})
        ],
        "bypass": [_entry("canary", names={"subtree": ["canary.example"]})],
        "protected": {"public_suffixes": True},
        "expected": {},
    }
    for name, content in documents.items():
        (policies / f"{name}.yaml").write_text(yaml.safe_dump(content))
    rules: dict[str, object] = {"categories": ["adult"], "safe_search": ["search"], "bypass": ["canary"]}
    profiles = {mode: {"blocking_mode": mode, **rules} for mode in MODES}
    profiles["evening"] = {"schedule": list(schedule), **rules}
    for name, profile in profiles.items():
        texts = {key: _text(name) for key in ("title", "description", "audience")}
        (policies / "profiles" / f"{name}.yaml").write_text(yaml.safe_dump({**texts, **profile}))
    (policies / "lists" / "adult.txt").write_text("adult.example\n")
    (policies / "lists" / "hosts.txt").write_text("0.0.0.0 host.example\n")
    (policies / "lists" / "malware.txt").write_text("malware.example\n")
    return policies


def prepare(filterd: Deployment) -> None:
    """The store: lines, an order in every mode (``<mode>.banned.example``), one exact, a snapshot."""
    asyncio.run(_prepare(filterd))


async def _prepare(filterd: Deployment) -> None:
    settings = load(filterd.config)
    await Store.migrate(settings.store.url, settings.store.ledger)
    async with open_context(settings) as context:
        await _register(context)
        for mode in BlockingMode:
            for name, scope in (
                (f"{mode.word}.banned.example", Scope.SUBTREE),
                (f"{mode.word}.only.example", Scope.EXACT),
            ):
                await taking.add(context, replace(REQUEST, entries=((name, scope),), mode=mode))
        await taking.add(
            context, replace(REQUEST, entries=(("secret.example", Scope.SUBTREE),), confidential=True)
        )
        await updating.update(context)
        await snapshots.build(context)


async def _register(context: Context) -> None:
    for profile, address in {**ADDRESSES, "evening": EVENING}.items():
        await subscribers.add(context, profile, zone="UTC", prefixes=(address,))
        await subscribers.opt_in(context, profile, profile, EVIDENCE)
    await subscribers.add(context, "none", prefixes=(NONE,))
    await subscribers.add(context, "paused", prefixes=(PAUSED,))
    await subscribers.opt_in(context, "paused", "nxdomain", EVIDENCE)
