"""Registers of authorities on a running installation: a ticket of a platform, and a list that moves."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import pytest
import yaml

from tests.e2e.authority import free_port
from tests.e2e.deployment import Deployment, ede, soon
from tests.e2e.small import small
from tests.unit.operations.notices.receiver import KEYS, write_secret
from tests.worlds.listed_site import PAGE, ListedFault, ListedSite
from tests.worlds.threaded_https import serving
from tests.worlds.ticket_platform import EMAIL, PASSWORD, PlatformFault, TicketPlatform

pytestmark = pytest.mark.ring("night")

CENSORED = 16
"""the extended error of a mandatory block (RFC 8914)"""
RECORDS = {
    (name, "A"): ["192.0.2.1"]
    for name in ("stream.example", "live.example", "betting.example", "poker.example", "shop.portal.example")
}
JURISDICTION = """
title: {es: Italia, en: Italy}
calendar: {zone: Europe/Rome, weekend: [sat, sun]}
authorities:
  - {id: agcom, title: {es: Autoridad, en: Authority}}
  - {id: adm, title: {es: Agencia, en: Agency}}
grounds:
  - id: live
    title: {es: Directo, en: Live}
    law: "Legge 93/2023, art. 2"
    authorities: [agcom]
    enforce: {minutes: 30, from: received}
    report: {minutes: 30, from: received}
  - id: betting
    title: {es: Juego, en: Games}
    law: "Legge 296/2006, art. 1"
    authorities: [adm]
"""


@pytest.fixture
def filterd(tmp_path: Path) -> Iterator[Deployment]:
    with small(tmp_path, RECORDS) as made:
        (made.policies / "jurisdictions").mkdir(exist_ok=True)
        (made.policies / "jurisdictions" / "it.yaml").write_text(JURISDICTION)
        yield made


def answered(filterd: Deployment, name: str) -> bool:
    answer = filterd.ask(name)
    return bool(answer.answer) and not ede(answer)


def blocked(filterd: Deployment, name: str) -> bool:
    answer = filterd.ask(name)
    return CENSORED in ede(answer) and not any(
        each.rdtype == 1 and "192.0.2.1" in str(each) for each in answer.answer
    )


def configure(filterd: Deployment, **register: Any) -> None:
    filterd.write_config(jurisdiction="it", registers=[register])


def adopt(filterd: Deployment, monkeypatch: pytest.MonkeyPatch, register: str) -> None:
    for person in ("daemon", "nobody"):
        monkeypatch.setenv("SUDO_USER", person)
        filterd.cli("register", "adopt", register, "--reason", "the authority's letter")


def tried(filterd: Deployment, documents: int) -> bool:
    """True once control tried to deliver the answers to so many documents, which wait for the node first."""
    found = [each["attempts"] > 0 for each in filterd.cli("register", "answers")]
    return len(found) >= documents and all(found)


def test_a_ticket_is_blocked_replied_to_and_answered_again_once_cancelled(
    filterd: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = TicketPlatform()
    (tmp_path / "password").write_text(PASSWORD)
    with serving(platform, tmp_path / "tls") as server:
        configure(
            filterd, id="live", kind="tickets", authority="agcom", ground="live", source=server.url,
            ca=str(server.ca), pull_every="5s", answer_within="30m",
            platform={"account": EMAIL, "password_file": str(tmp_path / "password")},
        )  # fmt: skip
        adopt(filterd, monkeypatch, "live")
        platform.fault = PlatformFault.REPLIES_REFUSED
        with filterd.serving():
            assert answered(filterd, "stream.example")
            platform.add("T-1", "stream.example", "shop.portal.example", at=time() - 60)
            platform.add("T-2", "live.example", at=time())
            assert soon(partial(blocked, filterd, "stream.example"), "a ticket in force", seconds=30)
            assert soon(lambda: platform.counted["/api/v1/ticket/item/set/processed"] > 0, seconds=30)
            assert platform.replies() == 0, "the first replies are refused"
            platform.fault = PlatformFault.NONE
            platform.expire()
            assert soon(lambda: platform.replies() == 2, "a reply taken at last", seconds=60)
            assert (platform.processed, platform.unprocessed) == (
                ["stream.example"],
                {"shop.portal.example": "PROTECTED"},
            )
            assert answered(filterd, "shop.portal.example")
            assert answered(filterd, "live.example"), "its sender may still cancel it"
            platform.cancel("T-1")
            assert soon(partial(answered, filterd, "stream.example"), "a cancelled ticket lifted", seconds=30)
            kinds = [each["kind"] for each in filterd.cli("order", "show", "O-1")["steps"]]
            assert kinds == ["reported", "lifted"]
        filterd.cli("audit", "verify")


def test_a_list_that_moves_is_followed_and_one_that_nobody_vouches_for_is_not(
    filterd: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = ("casino.example", "dice.example", "lotto.example")
    site = ListedSite((*kept, "betting.example"))
    feeds = filterd.policies / "feeds.yaml"
    entry = {
        "id": "games", "source": str(filterd.state / "registers" / "games.list"), "format": "domains",
        "scope": "subtree", "mandatory": {"authority": "adm", "ground": "betting"},
        "guard": {"max_shrink": 1.0},
    }  # fmt: skip
    feeds.write_text(feeds.read_text() + yaml.safe_dump([entry]))
    receiver = write_secret(tmp_path / "answers.secret", KEYS[0])
    with serving(site, tmp_path / "tls") as server:
        configure(
            filterd, id="games", answer_within="1h",
            answers={"id": "adm", "url": f"http://127.0.0.1:{free_port()}/", "secret_file": str(receiver)},
            kind="adm", authority="adm", ground="betting", list="games",
            source=server.url + PAGE, ca=str(server.ca), guard={"max_removals": 5},
            page={"list_mark": "elenco_siti.txt", "control_mark": "elenco_siti.sha-256"},
        )  # fmt: skip
        adopt(filterd, monkeypatch, "games")
        with filterd.serving():
            assert soon(partial(blocked, filterd, "betting.example"), "a list in force", seconds=60)
            site.update(*kept, "poker.example")
            site.fault = ListedFault.WRONG_CONTROL
            refused = filterd.run("register", "pull", "games")
            assert refused.returncode == 1
            assert "does not have the digest" in refused.stderr
            assert blocked(filterd, "betting.example"), "the list of before stays"
            site.fault = ListedFault.MOVES_MIDWAY
            filterd.cli("register", "pull", "games")
            assert soon(partial(blocked, filterd, "poker.example"), seconds=60)
            assert soon(partial(answered, filterd, "betting.example"), seconds=60), "absence unblocks"
            assert soon(partial(tried, filterd, 2), "answers once the node has the list", seconds=60)
            assert "answers went before every node" not in filterd.log_whole()
