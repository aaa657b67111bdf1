"""Files that are cut, flipped, zeroed, emptied or removed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from filterd.operations import snapshots
from tests.chaos.case import Case, Round

WAYS = ("cut", "flip", "zero", "empty", "remove")


def damage(path: Path, draw: random.Random, ways: Sequence[str] = WAYS) -> str:
    """Damage a file in a way that is drawn; which one it was."""
    way, data = draw.choice(ways), bytearray(path.read_bytes())
    if way == "remove":
        path.unlink()
        return way
    if not data or way == "empty":
        data.clear()
    elif way == "cut":
        del data[draw.randrange(len(data)) :]
    elif way == "flip":
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    else:
        begin = draw.randrange(len(data))
        end = min(len(data), begin + draw.randrange(1, 512))
        data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    return way


def files_of(folder: Path) -> list[Path]:
    """The files in a folder, in a fixed order."""
    return sorted(path for path in folder.iterdir() if path.is_file())


class DamageNode(Case):
    """A file of the node state is damaged; the resolver starts, and nothing is unfiltered: it reads anew from
    the store, or answers SERVFAIL."""

    name = "damage-node-file"
    weight = 12

    def fault(self, round_: Round) -> None:
        round_.order()
        round_.toggle()
        round_.pause(0.05)
        round_.site.kill("resolver")
        for path in round_.draw.sample(files_of(round_.site.node), round_.draw.randrange(1, 3)):
            damage(path, round_.draw)
        if round_.draw.random() < 0.3:
            round_.order()

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")


class DamageNodeRunning(Case):
    """The same while the resolver runs: it serves from memory, and its next start is as sound."""

    name = "damage-node-file-running"
    weight = 6

    def fault(self, round_: Round) -> None:
        damage(round_.draw.choice(files_of(round_.site.node)), round_.draw)
        round_.order()
        round_.toggle()
        round_.pause(0.1)
        round_.site.kill("resolver")

    def recovery(self, round_: Round) -> None:
        round_.site.start("resolver")


class DamageNodeAndStore(Case):
    """A file of the node state is damaged while the store is away: SERVFAIL, until the store is back."""

    name = "damage-node-file-store-away"
    weight = 4

    def fault(self, round_: Round) -> None:
        site = round_.site
        order = round_.order()
        round_.soon(lambda: round_.is_applied(order), "the node has the order")
        site.kill("resolver")
        site.stop("control")
        damage(round_.draw.choice(sorted(site.node.glob("mandatory.*"))), round_.draw)
        self._away = site.folder / "away"
        self._away.mkdir()
        for path in site.state.glob(f"{site.store.name}*"):
            path.rename(self._away / path.name)
        site.start("resolver")
        round_.pause(0.2)

    def recovery(self, round_: Round) -> None:
        site = round_.site
        round_.require(not site.store.exists(), "somebody made another store while it was away")
        for path in self._away.iterdir():
            path.rename(site.state / path.name)
        self._away.rmdir()
        site.start("control")


class DamageSnapshot(Case):
    """The current snapshot, or the pointer to it, is damaged: control makes another one, and until then a
    resolver that starts answers SERVFAIL or has what it had."""

    name = "damage-snapshot"
    weight = 6

    def fault(self, round_: Round) -> None:
        site = round_.site
        round_.order()
        current = site.snapshots / "current"
        path = site.snapshots / current.read_bytes().decode("ascii", "replace").strip().rpartition("\n")[2]
        damage(round_.draw.choice([current, path] if path.is_file() else [current]), round_.draw)
        if round_.draw.random() < 0.7:
            site.kill("resolver")

    def recovery(self, round_: Round) -> None:
        site = round_.site
        if not site.alive("resolver"):
            site.start("resolver")
        site.do(snapshots.build)


class DamageKey(Case):
    """The fingerprint key is damaged and put back: a resolver that starts with another key has nothing that
    it can believe, and serves nothing."""

    name = "damage-fingerprint-key"
    weight = 4

    def fault(self, round_: Round) -> None:
        site = round_.site
        key = site.keys / "fingerprint.key"
        self._kept = key.read_bytes()
        round_.order()
        site.kill("resolver")
        damage(key, round_.draw, ("cut", "flip", "empty"))
        site.start("resolver", wait=False)
        round_.pause(0.5)

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.kill("resolver")
        key = site.keys / "fingerprint.key"
        key.write_bytes(self._kept)
        key.chmod(0o600)
        site.start("resolver")
        site.do(snapshots.build)


class DamageCookieKey(Case):
    """A damaged cookie key costs clients their cookies, and no more."""

    name = "damage-cookie-key"
    weight = 3

    def fault(self, round_: Round) -> None:
        site = round_.site
        site.kill("resolver")
        damage(site.keys / "cookie.key", round_.draw, ("cut", "empty"))
        round_.order()

    def recovery(self, round_: Round) -> None:
        site = round_.site
        site.start("resolver", wait=False)
        site.wait(
            lambda: not site.alive("resolver") or site.http("resolver", "/readyz")[0] != 0,
            "it starts or ends",
        )
        if not site.alive("resolver"):
            round_.require(False, "a damaged cookie key stops DNS")
            site.kill("resolver")
            (site.keys / "cookie.key").unlink(missing_ok=True)
            site.start("resolver")


CASES: tuple[type[Case], ...] = (
    DamageNode,
    DamageNodeRunning,
    DamageNodeAndStore,
    DamageSnapshot,
    DamageKey,
    DamageCookieKey,
)
