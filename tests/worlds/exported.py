"""An installation with something of everything in its trail, and the two verifiers of its exports, each run
as a program in an empty directory."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filterd.model import signed_text
from filterd.model.audit_chain import canonical
from filterd.model.rule import Scope
from filterd.model.subscriber import RequestEvidence
from filterd.operations import exceptions, signing, snapshots, subscribers
from filterd.operations.feeds import updating
from filterd.operations.orders import ending, taking
from filterd.operations.orders.intake import OrderRequest
from filterd.operations.signing import Purpose
from filterd.operations.trail import checkpoints, exporting, rotating
from filterd.operations.trail.exporting import Exported, ExportScope
from filterd.operations.trail.verifying import VERIFIER
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
    records = [json.loads(line) for line in kept]
    body: dict[str, Any] = {
        "installation": records[0]["installation"],
        **_end(records),
        "bytes": sum(map(len, kept)),
        "sha256": hashlib.sha256(b"".join(kept)).hexdigest(),
        "records": {},
        "tables": {},
    }
    for each in records:
        body["records"][each["kind"]] = body["records"].get(each["kind"], 0) + 1
    for table in records[0]["tables"]:
        rows = [line for line, each in zip(kept, records, strict=True) if each.get("table") == table]
        body["tables"][table] = {"rows": len(rows), "sha256": hashlib.sha256(b"".join(rows)).hexdigest()}
    key = signing.signer(installation.settings, Purpose.CHECKPOINT)
    sealed = signed_text.signed("export", body, key.key_id, key.sign)
    return b"".join(kept) + canonical({"kind": "seal", "object": sealed}).encode() + b"\n"


def _end(records: list[dict[str, Any]]) -> dict[str, Any]:
    last = [each for each in records if each["kind"] in ("entry", "withheld")][-1]
    return {"sequence": last["sequence"], "hash": last["hash"]}
