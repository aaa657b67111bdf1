"""An installation with something of everything in its trail, and the two verifiers of its exports, each run
as a program in an empty directory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from filterd.disk.signing_keys import SigningKey
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import exceptions, signing, snapshots, subscribers
from filterd.operations.context import Context
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, lifting, suspending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.service_page import records
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints, countersigning, exporting, rotating
from filterd.operations.trail.exporting import Exported, ExportScope
from filterd.operations.trail.verifying import VERIFIER
from tests.worlds.export_forger import sealed
from tests.worlds.installation import NOW, Installation, as_person

ROOT = Path(__file__).parents[2]
EVIDENCE = RequestEvidence("Ana", "shop", NOW, "2026-11", "T-1")
REQUEST = OrderRequest(
    "SAT", "A. Official", "D-1", "LIVA 18-H", "notified", (("banned.example", Scope.SUBTREE),)
)
SECRET = replace(REQUEST, document="D-2", entries=(("secret.example", Scope.SUBTREE),), confidential=True)
ADDRESS = replace(REQUEST, document="D-3", entries=(("203.0.113.7", Scope.EXACT),), accept_overblocking=True)
SUBSCRIBER = "subscriber-of-nobody-4711"


async def script(installation: Installation) -> None:
    """Make something of everything: lists, orders in several states, lines, exceptions, keys, checkpoints."""
    async with installation.open() as context:
        bob = as_person(context, "bob")
        await checkpoints.make(context)
        await updating.update(context)
        await subscribers.add(context, SUBSCRIBER)
        await subscribers.opt_in(context, SUBSCRIBER, "child", EVIDENCE)
        for number, request in enumerate((REQUEST, SECRET, ADDRESS)):
            order = await taking.add(context, request)
            if number < 2:
                await taking.approve(bob, order.reference)
        installation.now += 60
        await checkpoints.make(context)
        await rotating.rotate(context, Purpose.CHECKPOINT, reason="a year has passed")
        await ending.withdraw(context, "O-1", reason="the authority asked")
        await exceptions.add(context, "shop.example", 3600, reason="a wrong list")
        await exceptions.add(context, "news.example", 3600, reason="a wrong list")
        await exceptions.end(context, "news.example", reason="mended")
        installation.now += 60
        await snapshots.build(context)
        await checkpoints.make(context)
        await taking.approve(bob, "O-3")
        await suspending.suspend(
            context, "O-3", until=int(installation.now) + 86_400, document="D-4", reason="they asked"
        )
        await countersign(context)
        installation.now += 60
        await suspending.resume(context, "O-3", reason="they asked")
        await lifting.lift(context, "O-2", document="D-5", reason="the court lifted it")
        await records.publish(context, lambda facts, _: {"index.html": facts.digest.encode()})


async def countersign(context: Context) -> None:
    """Have a regulator sign the newest checkpoint with a key of their own."""
    newest = await checkpoints.newest(context)
    assert newest is not None
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    await countersigning.record(context, newest.number, key=pem, signature=key.sign(newest.text.encode()))


async def write(installation: Installation, path: Path, scope: ExportScope | None = None) -> Exported:
    """Export the trail of an installation, and its public keys beside it (``PUB.pem``)."""
    async with installation.open() as context:
        done = await exporting.write(context, path, scope or ExportScope())
        path.with_name("PUB.pem").write_text(await rotating.public_pem(context, Purpose.CHECKPOINT))
    return done


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verifier."""

    code: int
    """0: nothing was found, 1: something was"""
    said: str


def by_filterd(export: Path, *more: str, key: Path | None = None) -> Verdict:
    """The verdict of ``filterd audit verify EXPORT``, in the directory of the export."""
    pem = key or export.with_name("PUB.pem")
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path[:0] = [{str(ROOT)!r}]; from filterd.cli.main import main; main()",
    ]
    return _run([*command, "audit", "verify", str(export), "--key", str(pem), *more], export.parent)


def by_script(export: Path, *more: str, key: Path | None = None) -> Verdict:
    """The verdict of ``verify-export.py``, in the directory of the export: plain Python alone."""
    pem = key or export.with_name("PUB.pem")
    return _run([sys.executable, "-I", "-S", str(VERIFIER), str(export), str(pem), *more], export.parent)


def _run(command: list[str], where: Path) -> Verdict:
    done = subprocess.run(
        command, cwd=where, env={}, capture_output=True, text=True, check=False, timeout=120
    )
    return Verdict(done.returncode, done.stdout + done.stderr)


def resealed(installation: Installation, lines: Iterable[bytes]) -> bytes:
    """An export of these lines, the header first, with the seal that the operator's own key puts on it: what
    somebody makes who has that key."""
    kept = [line for line in lines if json.loads(line)["kind"] != "seal"]
    return sealed(kept, signing_key(installation, Purpose.CHECKPOINT))


def signing_key(installation: Installation, purpose: Purpose) -> SigningKey:
    """The key of a purpose, as whoever can read its file has it."""
    key = signing.signer(installation.settings, purpose)
    return SigningKey(key.key_id, key.public_key, key.sign)
