"""Time stamps in exports: what the verifiers say of honest and of forged ones, and OpenSSL is the judge."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from filterd.config.signing_settings import AnchorKind, AnchorSettings
from filterd.config.value_types import Seconds
from filterd.operations.feeds import updating
from filterd.operations.publishing import publish
from filterd.operations.signing import Purpose
from filterd.operations.trail import anchors, checkpoints, rotating
from tests.worlds import exported
from tests.worlds.authority import Authority
from tests.worlds.installation import Installation, install
from tests.worlds.trail import record

PAGES = ("docs/verify-export.md", "docs/es/verificar.md")
UNVERIFIED = "2 time stamps were not verified: --tsa-ca FILE"
LEFT = "2: time stamps, to be verified with: openssl ts -verify"


@dataclass(frozen=True, slots=True)
class Stamped:
    """An export with two stamps, and what a regulator has beside it."""

    installation: Installation
    authority: Authority
    stranger: Authority
    export: Path

    @property
    def lines(self) -> list[bytes]:
        return self.export.read_bytes().splitlines(keepends=True)


@pytest.fixture
async def stamped(tmp_path: Path) -> Stamped:
    """Stamps on the first and the last checkpoint: one by an authority that sends its certificate, one by
    the same where it is known. Between them the key of published lists is rotated."""
    installation = await install(tmp_path / "filterd")
    authority, stranger = Authority(tmp_path / "tsa"), Authority(tmp_path / "stranger")
    for each in (authority, stranger):
        each.found()
    where = tmp_path / "regulator"
    where.mkdir()
    bundle = where / "CA.pem"
    bundle.write_bytes(authority.ca.read_bytes() + (authority.where / "tsa.pem").read_bytes())
    async with installation.open() as context, authority.serving() as url:
        plain = AnchorSettings(
            "tsa", AnchorKind.RFC3161, None, url, authority.ca, None, None, Seconds(0), Seconds(20)
        )
        await checkpoints.make(context)
        assert not (await anchors.deliver(context, plain)).trouble
        await updating.update(context)
        await publish.publish(context, ("adult-starter",), out=tmp_path / "out")
        await rotating.rotate(context, Purpose.LIST, reason="yearly")
        await record(context)
        await checkpoints.make(context)
        known = AnchorSettings(
            "tsa", AnchorKind.RFC3161, None, url, bundle, None, None, Seconds(0), Seconds(20)
        )
        assert not (await anchors.deliver(context, known)).trouble
    await exported.write(installation, where / "export")
    return Stamped(installation, authority, stranger, where / "export")


def by_openssl(stamped: Stamped, page: str) -> list[str]:
    """Run the command of a page; return its verdict on each stamp."""
    blocks = re.findall(r"```text\n(.+?)```", (exported.ROOT / page).read_text(), re.DOTALL)
    (command,) = [each for each in blocks if "openssl ts -verify" in each]
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=stamped.export.parent,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    said = (done.stdout + done.stderr).splitlines()
    return [each for each in said if each == "Verification: OK" or each.startswith("NO STAMP")]


@pytest.mark.ring("night")
@pytest.mark.system("openssl")
async def test_honest_stamps_are_accepted_and_told_of(stamped: Stamped) -> None:
    ca = str(stamped.export.with_name("CA.pem"))
    verified = exported.by_filterd(stamped.export, "--tsa-ca", ca)
    assert (verified.code, "time stamps" in verified.said) == (0, False)
    alone = exported.by_filterd(stamped.export)
    assert (alone.code, UNVERIFIED in alone.said) == (0, True)
    script = exported.by_script(stamped.export)
    assert (script.code, LEFT in script.said) == (0, True)
    for page in PAGES:
        assert by_openssl(stamped, page) == ["Verification: OK"] * 2
        told = " ".join((exported.ROOT / page).read_text().split())
        assert UNVERIFIED.replace("2", "N", 1) in told
        assert LEFT.replace("2", "N", 1) in told


def another_head(stamped: Stamped, proof: bytes, checkpoint: str) -> bytes:
    return stamped.authority.stamp(query(stamped, checkpoint.replace('"revision":', '"revision":1')))


def changed(stamped: Stamped, proof: bytes, checkpoint: str) -> bytes:
    """The last byte of its signature is another."""
    at = len(proof) - 1
    return proof[:at] + bytes([proof[at] ^ 1])


def antedated(stamped: Stamped, proof: bytes, checkpoint: str) -> bytes:
    """Its time is a year before."""
    stamped_in = re.search(rb"\x18\x0f(\d{4})\d{10}Z", proof)
    assert stamped_in is not None
    year = b"%d" % (int(stamped_in[1]) - 1)
    return proof[: stamped_in.start(1)] + year + proof[stamped_in.end(1) :]


def of_a_stranger(stamped: Stamped, proof: bytes, checkpoint: str) -> bytes:
    return stamped.stranger.stamp(query(stamped, checkpoint))


def query(stamped: Stamped, text: str) -> bytes:
    where = stamped.authority.where
    (where / "text").write_text(text)
    command = ["openssl", "ts", "-query", "-data", "text", "-sha256", "-cert", "-out", "own.tsq"]
    subprocess.run(command, cwd=where, check=True, capture_output=True)
    return (where / "own.tsq").read_bytes()


@pytest.mark.ring("night")
@pytest.mark.system("openssl")
async def test_forged_stamps_are_told_as_the_pages_say(stamped: Stamped) -> None:
    """The operator forges: the seal is right each time. The second verifier leaves stamps to openssl."""
    honest, ca = stamped.lines, str(stamped.export.with_name("CA.pem"))
    (at, *_) = [number for number, line in enumerate(honest) if b'"rfc3161"' in line]
    anchor, checkpoint = json.loads(honest[at]), canonical(json.loads(honest[at - 1])["object"])
    for forge in (another_head, changed, antedated, of_a_stranger):
        proof = forge(stamped, base64.b64decode(anchor["proof"]), checkpoint)
        forged = canonical({**anchor, "proof": base64.b64encode(proof).decode()}).encode() + b"\n"
        lines = [*honest[:at], forged, *honest[at + 1 :]]
        stamped.export.write_bytes(b"".join(lines))
        for found in (exported.by_filterd(stamped.export), exported.by_script(stamped.export)):
            assert (found.code, "seal" in found.said) == (1, True), "whoever has no key changed it"
        stamped.export.write_bytes(exported.resealed(stamped.installation, lines))
        verified = exported.by_filterd(stamped.export, "--tsa-ca", ca)
        assert verified.code == 1, forge.__name__
        assert f"line {at + 1}: anchor: its stamp is not valid" in verified.said
        left = exported.by_filterd(stamped.export)
        assert (left.code, UNVERIFIED in left.said) == (0, True)
        script = exported.by_script(stamped.export)
        assert (script.code, LEFT in script.said) == (0, True)
        assert by_openssl(stamped, PAGES[0]) == ["NO STAMP on checkpoint 1", "Verification: OK"]


@pytest.mark.ring("night")
@pytest.mark.system("openssl")
async def test_a_stamp_behind_another_checkpoint_is_found_by_both(stamped: Stamped) -> None:
    honest = stamped.lines
    one, other = [number for number, line in enumerate(honest) if b'"rfc3161"' in line]
    honest[one], honest[other] = honest[other], honest[one]
    stamped.export.write_bytes(exported.resealed(stamped.installation, honest))
    for found in (exported.by_filterd(stamped.export), exported.by_script(stamped.export)):
        assert found.code == 1
        assert f"line {one + 1}: " in found.said
        assert "the checkpoint before it" in found.said or "than the one before it" in found.said


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
