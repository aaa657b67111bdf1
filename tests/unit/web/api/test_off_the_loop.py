"""Replies with thousands of items are made on threads, and errors of many items are not all guessed at: each
of these held the event loop for 0.1 to 0.4 s."""

from __future__ import annotations

import threading

import pytest

from filterd.model.token import TokenRole
from filterd.operations import closings, nearest, subscribers
from filterd.web.api import privacy
from tests.unit.web.conftest import Api


async def test_a_breach_report_is_made_on_a_thread(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    on_loop: list[str] = []
    called: set[str] = set()

    def watch(module: object, name: str) -> None:
        real = getattr(module, name)

        def call(*given: object) -> object:
            called.add(name)
            if threading.current_thread() is threading.main_thread():
                on_loop.append(name)
            return real(*given)

        monkeypatch.setattr(module, name, call)

    await subscribers.add(api.context, "home")
    client = await api.client(TokenRole.OPERATOR)
    watch(privacy, "_report")
    assert (await client.post("/api/v1/breach-reports", json={"store": True})).status_code == 200
    assert (called, on_loop) == ({"_report"}, [])


async def test_of_many_unknown_ids_the_first_are_guessed_at(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribers.add(api.context, "home")
    guessed: list[str] = []

    def guess(word: str, known: set[str]) -> str:
        guessed.append(word)
        return nearest.nearest(word, known)

    monkeypatch.setattr(closings, "nearest", guess)
    client = await api.client(TokenRole.OPERATOR)
    body = {"until": "2027-01-15T10:00:00Z", "categories": [f"adult-{number}" for number in range(100)]}
    reply = await client.post("/api/v1/subscribers/home/choices/closings", json=body)
    assert (reply.status_code, "did you mean adult?" in reply.text) == (422, True)
    assert guessed == body["categories"][: nearest.MOST_GUESSED]
