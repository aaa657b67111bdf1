"""The pages on verifying: their commands run in an empty directory without filterd, and their values hold."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from filterd.model import signed_text
from filterd.model.audit_chain import GENESIS, AuditEntry, content_digest, entry_hash, salted_hash
from filterd.model.export_format import SHOWN, TABLES
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating, statements
from filterd.operations.trail.verifying import VERIFIER
from tests.worlds import exported
from tests.worlds.installation import install

PAGES = ("docs/verify-export.md", "docs/es/verificar.md")
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


@pytest.mark.ring("night")
@pytest.mark.parametrize("page", PAGES)
async def test_its_commands_verify_an_honest_export_and_find_a_forgery(tmp_path: Path, page: str) -> None:
    installation = await install(tmp_path / "filterd")
    await exported.script(installation)
    empty = tmp_path / "empty"
    empty.mkdir()
    await exported.write(installation, empty / "export")
    shutil.copy(VERIFIER, empty)
    shutil.rmtree(installation.base / "policies")
    commands = re.findall(r"```sh\n(.+?)```", (exported.ROOT / page).read_text(), re.DOTALL)
    assert len(commands) == 2
    for command in commands:
        assert _run(command, empty).returncode == 0, command
    forged = (empty / "export").read_bytes().replace(b'"LIVA 18-H"', b'"LIVA 18-J"')
    (empty / "export").write_bytes(exported.resealed(installation, forged.splitlines(keepends=True)))
    assert _run(commands[0], empty).returncode == 1
    altered = (empty / "export").read_bytes().replace(b'"change_hash":"', b'"change_hash":"f')
    (empty / "export").write_bytes(altered)
    assert _run(commands[1], empty).returncode == 1


@pytest.mark.parametrize(
    ("page", "file"),
    [
        (PAGES[0], "statement.json"),
        (PAGES[1], "statement.json"),
        ("docs/es/firma-del-registro.md", "declaracion.json"),
    ],
)
async def test_a_statement_is_verified_with_openssl_and_a_changed_one_is_not(
    tmp_path: Path, page: str, file: str
) -> None:
    installation = await install(tmp_path / "filterd")
    async with installation.open() as context:
        text = (await statements.make(context)).text
        for name in ("PUB.pem", "claves.pem"):
            (tmp_path / name).write_text(await rotating.public_pem(context, Purpose.CHECKPOINT))
    found = re.findall(r"```text\n(.+?)```", (exported.ROOT / page).read_text(), re.DOTALL)
    (command,) = [each for each in found if "filterd statement v1" in each]
    (tmp_path / file).write_text(text)
    assert _run(command, tmp_path).returncode == 0
    (tmp_path / file).write_text(text.replace('"form":1', '"form":2'))
    assert _run(command, tmp_path).returncode != 0


def _run(command: str, where: Path) -> subprocess.CompletedProcess[str]:
    clean = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["/bin/sh", "-c", command], cwd=where, env=clean, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("page", PAGES)
def test_its_values_are_those_of_filterd(page: str) -> None:
    text = (exported.ROOT / page).read_text()
    key = Ed25519PrivateKey.from_private_bytes(SEED)
    public = key.public_key().public_bytes_raw()
    entry = AuditEntry(
        1, 1800000000.0, "ana", "order.add", "order:O-1", "notified", None, {"state": "pending"}
    )
    salt = bytes(range(16)).hex()
    content = content_digest(entry, salt)
    body = {"sequence": 1, "hash": salted_hash(GENESIS, content)}
    signature = base64.b64encode(key.sign(signed_text.signed_bytes("checkpoint", body))).decode()
    bare = entry_hash(GENESIS, entry)
    for value in (public.hex(), signed_text.key_id_of(public), salt, content, body["hash"], bare, signature):
        assert str(value) in text


def test_the_second_verifier_has_150_lines_and_imports_the_standard_library_alone() -> None:
    text = VERIFIER.read_text()
    assert len(text.splitlines()) <= 150
    assert re.findall(r"^(?:import|from) .*$", text, re.MULTILINE) == [
        "import base64, collections, hashlib, itertools, json, re, sys"
    ]


@pytest.mark.parametrize("page", PAGES)
def test_it_names_every_table_and_kind_that_is_shown(page: str) -> None:
    text = (exported.ROOT / page).read_text()
    assert all(f"| `{each.name}` |" in text for each in TABLES)
    assert len(SHOWN) == 19  # as the page lists them
