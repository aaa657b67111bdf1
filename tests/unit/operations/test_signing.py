"""Keys that sign, judged by OpenSSL: what it reads of them, and what it says of their signatures."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.disk import signing_keys
from filterd.model import signed_text
from filterd.operations.errors import UnusableError
from filterd.operations.signing import Purpose, file_of, signer


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose state directory is empty."""
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}, "state_dir": "state"}, base=tmp_path)


def test_a_key_is_made_once_for_its_owner_alone(settings: Settings) -> None:
    first = signer(settings, Purpose.CHECKPOINT)
    assert signer(settings, Purpose.CHECKPOINT).key_id == first.key_id
    assert signer(settings, Purpose.RECEIPT).key_id != first.key_id
    path = file_of(settings, Purpose.CHECKPOINT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in sorted(path.parent.iterdir())] == ["checkpoint.key", "receipt.key"]
    assert first.key_id == hashlib.sha256(first.public_key).hexdigest()[:16]


@pytest.mark.system("openssl")
def test_openssl_verifies_what_was_signed(settings: Settings, tmp_path: Path) -> None:
    found = signer(settings, Purpose.RECEIPT)
    body = {"number": 7, "what": "señal"}
    whole = signed_text.signed(signed_text.RECEIPT, body, found.key_id, found.sign)
    plain = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (tmp_path / "data").write_bytes(b"filterd receipt v1\n" + plain.encode())
    (tmp_path / "signature").write_bytes(base64.b64decode(whole["signature"]))
    (tmp_path / "key.pem").write_text(found.public_pem)
    assert _openssl_verifies(tmp_path)
    (tmp_path / "data").write_bytes(b"filterd checkpoint v1\n" + plain.encode())
    assert not _openssl_verifies(tmp_path)


@pytest.mark.system("openssl")
def test_openssl_reads_the_private_key(settings: Settings) -> None:
    found = signer(settings, Purpose.CHECKPOINT)
    path = file_of(settings, Purpose.CHECKPOINT)
    command = ["openssl", "pkey", "-in", str(path), "-pubout"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == found.public_pem


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_is_left_as_it_is(settings: Settings, content: bytes) -> None:
    path = file_of(settings, Purpose.CHECKPOINT)
    signer(settings, Purpose.CHECKPOINT)
    path.write_bytes(content)
    with pytest.raises(UnusableError, match="holds no Ed25519 private key") as refused:
        signer(settings, Purpose.CHECKPOINT)
    assert "filterd key rotate" in refused.value.remedy
    assert path.read_bytes() == content


@pytest.mark.system("openssl")
def test_a_key_of_another_kind_is_none(tmp_path: Path) -> None:
    command = ["openssl", "genpkey", "-algorithm", "X25519", "-out", str(tmp_path / "key")]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(signing_keys.SigningKeyError):
        signing_keys.load(tmp_path / "key")


def test_a_signed_text_reads_back_and_no_other_form_of_it_does(settings: Settings) -> None:
    found = signer(settings, Purpose.CHECKPOINT)
    text = signed_text.text_of(signed_text.signed("checkpoint", {"a": 1}, found.key_id, found.sign))
    read = signed_text.read(text)
    message = signed_text.signed_bytes("checkpoint", read.body)
    assert signing_keys.signature_holds(found.public_key, read.signature, message)
    assert not signing_keys.signature_holds(found.public_key, read.signature, message + b" ")
    for other in (text + "\n", text.replace(":1", ": 1"), "[]", "{", text.replace("body", "bodi")):
        with pytest.raises(signed_text.SignedTextError):
            signed_text.read(other)


def _openssl_verifies(where: Path) -> bool:
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem"]
    command += ["-in", "data", "-sigfile", "signature"]
    return subprocess.run(command, cwd=where, capture_output=True, check=False).returncode == 0
