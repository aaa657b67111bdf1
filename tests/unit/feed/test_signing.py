"""A list is believed by its manifest and signature alone, and no altered one is; Debian's minisign agrees."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import minisign
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.signing import (
    LARGEST_PROOF,
    LARGEST_SERIAL,
    KeyFileError,
    ProofError,
    Statement,
    key_id,
    manifest_of,
    open_key,
    public_key_of,
    read_secret_key,
    read_statement,
    sign,
)
from tests.worlds.signers import Signer, minisign_accepts

SIGNER = Signer.new()
OTHER = Signer.new()
LIST = b"worst.example\n"
DIGEST = hashlib.sha256(LIST).hexdigest()
MANIFEST, SIGNATURE = SIGNER.proof(LIST, "worst-of", 7)
STATEMENT = Statement("worst-of", 7, DIGEST, key_id(SIGNER.public_key))


def signed(comment: str, manifest: bytes = MANIFEST, *, prehash: bool = True) -> bytes:
    """A signature with any trusted comment."""
    key = minisign.SecretKey.from_bytes(SIGNER.secret)
    return bytes(key.sign(manifest, prehash=prehash, trusted_comment=comment)) + b"\n"


def test_a_statement_is_read_back() -> None:
    assert read_statement(SIGNER.public_key, MANIFEST, SIGNATURE) == STATEMENT


@pytest.mark.system("minisign")
def test_what_minisign_signs_is_accepted(tmp_path: Path) -> None:
    for comment in ("serial:7 feed:worst-of", "timestamp:1\tfeed:worst-of\tserial:7\thashed"):
        made = SIGNER.minisign(tmp_path, MANIFEST, comment)
        assert read_statement(SIGNER.public_key, MANIFEST, made) == STATEMENT
    legacy = SIGNER.minisign(tmp_path, MANIFEST, "serial:7 feed:worst-of", "-l")
    with pytest.raises(ProofError, match="prehashed"):
        read_statement(SIGNER.public_key, MANIFEST, legacy)


@pytest.mark.system("minisign")
def test_what_is_signed_here_minisign_accepts(tmp_path: Path) -> None:
    assert minisign_accepts(tmp_path, SIGNER.public_key, MANIFEST, SIGNATURE) == "serial:7 feed:worst-of"
    assert minisign_accepts(tmp_path, OTHER.public_key, MANIFEST, SIGNATURE) == ""
    assert minisign_accepts(tmp_path, SIGNER.public_key, MANIFEST + b"\n", SIGNATURE) == ""


@pytest.mark.system("minisign")
def test_keys_of_minisign_are_read_and_their_ids_are_its_own(tmp_path: Path) -> None:
    command = ["minisign", "-G", "-W", "-s", "key", "-p", "pub"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    comment, public = (tmp_path / "pub").read_text().splitlines()
    key = read_secret_key((tmp_path / "key").read_bytes())
    assert public_key_of(key) == public
    assert comment.endswith(key_id(public))


def test_a_key_with_a_password() -> None:
    key = minisign.SecretKey.from_bytes(SIGNER.secret)
    key.encrypt("open", opslimit=32768, memlimit=1 << 20)
    sealed = bytes(key)
    again = read_secret_key(sealed)
    assert again.is_encrypted()
    with pytest.raises(KeyFileError, match="not the key's"):
        open_key(again, "wrong")
    open_key(again, "open")
    assert public_key_of(again) == SIGNER.public_key
    for broken in (b"", sealed[:-9], SIGNER.public_key.encode(), sealed + sealed):
        with pytest.raises(KeyFileError, match="no secret key"):
            read_secret_key(broken)


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "serial:7",
        "feed:worst-of",
        "serial:7 serial:8 feed:worst-of",
        "serial:7 feed:worst-of feed:other",
        "serial: feed:worst-of",
        "serial:-7 feed:worst-of",
        "serial:07 feed:worst-of",
        "serial:7.0 feed:worst-of",
        "serial:7 feed:Worst",
        "serial:7 feed:../worst",
        f"serial:{LARGEST_SERIAL + 1} feed:worst-of",
        f"serial:{10**30} feed:worst-of",
    ],
)
def test_a_comment_that_does_not_say_feed_and_serial_once_is_refused(comment: str) -> None:
    with pytest.raises(ProofError, match=r"serial|feed"):
        read_statement(SIGNER.public_key, MANIFEST, signed(comment))


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        MANIFEST[:-1],
        MANIFEST + b" ",
        MANIFEST * 2,
        MANIFEST.upper(),
        MANIFEST.replace(b"  ", b" "),
        b"\\" + MANIFEST,
        MANIFEST[1:],
        f"SHA256 (list.txt) = {DIGEST}\n".encode(),
    ],
)
def test_a_signed_manifest_of_another_form_is_refused(manifest: bytes) -> None:
    comment = "serial:7 feed:worst-of"
    with pytest.raises(ProofError, match="one line of sha256sum"):
        read_statement(SIGNER.public_key, manifest, signed(comment, manifest))


def test_a_signature_of_the_older_form_is_refused() -> None:
    """Its algorithm is not signed: one of a hash would pass for one of a file that is this hash."""
    made = signed("serial:7 feed:worst-of", prehash=False)
    with pytest.raises(ProofError, match="prehashed"):
        read_statement(SIGNER.public_key, MANIFEST, made)


def test_an_exchanged_signature_is_refused() -> None:
    mine, theirs = SIGNER.proof(b"a.example\n", "one", 1), OTHER.proof(b"a.example\n", "one", 1)
    later = SIGNER.proof(b"b.example\n", "one", 2)
    for manifest, signature in (
        (mine[0], theirs[1]),
        (mine[0], later[1]),
        (later[0], mine[1]),
        (b"", b""),
        (mine[1], mine[0]),
    ):
        with pytest.raises(ProofError):
            read_statement(SIGNER.public_key, manifest, signature)
    # The global signature of one on the signature of another: the comment of a newer list on an old one.
    old, new = mine[1].splitlines(), later[1].splitlines()
    for lines in ([*old[:2], *new[2:]], [*old[:2], new[2], old[3]], [*old[:3], new[3]]):
        with pytest.raises(ProofError, match="altered"):
            read_statement(SIGNER.public_key, mine[0], b"\n".join([*lines, b""]))


def test_what_is_too_long_is_not_looked_at() -> None:
    for manifest, signature in (
        (b"a" * (LARGEST_PROOF + 1), SIGNATURE),
        (MANIFEST, SIGNATURE + b"\n" * LARGEST_PROOF),
    ):
        with pytest.raises(ProofError, match="longer"):
            read_statement(SIGNER.public_key, manifest, signature)


def test_a_key_of_an_entry_that_is_none_is_refused() -> None:
    decoded = base64.b64decode(SIGNER.public_key)
    for key in ("", "RWQ", "ä", base64.b64encode(b"ED" + decoded[2:]).decode(), SIGNER.public_key[:-4]):
        with pytest.raises(ProofError, match="no key of minisign"):
            read_statement(key, MANIFEST, SIGNATURE)


@given(
    manifest=st.binary(max_size=200),
    signature=st.binary(max_size=400),
)
def test_no_made_up_proof_is_accepted(manifest: bytes, signature: bytes) -> None:
    with pytest.raises(ProofError):
        read_statement(SIGNER.public_key, manifest, signature)


@st.composite
def altered(draw: st.DrawFn, whole: bytes) -> bytes:
    """Some bytes of it replaced, removed or added."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 8)))
    return whole[:start] + draw(st.binary(max_size=8)) + whole[end:]


@given(data=st.data())
def test_no_altered_proof_says_anything_else(data: st.DataObject) -> None:
    """The untrusted comment alone can be changed, and nothing is read from it."""
    manifest = data.draw(st.one_of(st.just(MANIFEST), altered(MANIFEST)))
    signature = data.draw(st.one_of(st.just(SIGNATURE), altered(SIGNATURE)))
    try:
        found = read_statement(SIGNER.public_key, manifest, signature)
    except ProofError:
        assert (manifest, signature) != (MANIFEST, SIGNATURE)
        return
    assert found == STATEMENT
    assert manifest == MANIFEST
    assert signature.split(b"\n")[1:] == SIGNATURE.split(b"\n")[1:]


def test_every_flipped_bit_behind_the_untrusted_comment_is_noticed() -> None:
    begins = SIGNATURE.index(b"\n")
    for place in range(begins, len(SIGNATURE)):
        for bit in range(8):
            flipped = bytearray(SIGNATURE)
            flipped[place] ^= 1 << bit
            with pytest.raises(ProofError):
                read_statement(SIGNER.public_key, MANIFEST, bytes(flipped))
    for length in range(len(SIGNATURE)):
        with pytest.raises(ProofError):
            read_statement(SIGNER.public_key, MANIFEST, SIGNATURE[:length])


def test_what_nobody_would_take_is_not_signed() -> None:
    key = read_secret_key(SIGNER.secret)
    for feed in ("", "Worst", "a b", "-a", "a" * 41, "a\nb"):
        with pytest.raises(ValueError, match="id"):
            sign(key, MANIFEST, feed, 1)
    for serial in (-1, LARGEST_SERIAL + 1):
        with pytest.raises(ValueError, match="serial"):
            sign(key, MANIFEST, "worst-of", serial)
    for name in ("a\nb", "a\\b", ""):
        with pytest.raises(ValueError, match="name"):
            manifest_of(DIGEST, name)
    assert read_statement(SIGNER.public_key, MANIFEST, sign(key, MANIFEST, "a", LARGEST_SERIAL)).serial > 0
