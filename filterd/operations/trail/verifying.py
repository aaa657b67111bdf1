"""Proves an export without a store and without settings."""

from __future__ import annotations

import re
from pathlib import Path

from filterd.audit.export_earlier import Earlier
from filterd.audit.export_lines import ExportFormatError
from filterd.audit.export_proof import ExportProof, prove_export
from filterd.disk.signing_keys import public_key_of
from filterd.model.signed_text import CHECKPOINT
from filterd.operations.errors import OperationError
from filterd.operations.trail import timestamps

VERIFIER = Path(__file__).parents[2] / "audit" / "verify-export.py"
"""the second verifier, which needs Python alone"""
_LARGEST_KEYS = 1 << 20
_BEGIN, _END = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
_BLOCK = re.compile(rb"(?:#([^\n]*)\s+)?" + _BEGIN + rb"(.*?)" + _END, re.DOTALL)
"""a key, and the line of comment above it"""


def prove(
    export: Path, keys: Path, against: Path | None = None, authorities: Path | None = None
) -> ExportProof:
    """Prove an export by the public keys (PEM) of a file. ``against``: an earlier export, checkpoint or
    statement that was kept; ``authorities``: certificates by which time stamps are verified. Raises
    OperationError where a file cannot be read."""

    def check(stamp: bytes, text: str) -> str:
        assert authorities is not None  # noqa: S101 - used only where there are some
        try:
            timestamps.stamped_at(stamp, text, authorities)
        except timestamps.TimestampError as error:
            return str(error)
        return ""

    try:
        trusted = public_keys(keys.read_bytes()[:_LARGEST_KEYS])
        earlier = None if against is None else Earlier(against)
        return prove_export(export, trusted, earlier, check if authorities is not None else None)
    except OSError as error:
        message = f"{error.filename} cannot be read: {error.strerror}"
        raise OperationError(message, "give the path of a file that you can read") from error
    except ExportFormatError as error:
        message = f"{against} is nothing to compare with: {error}"
        raise OperationError(message, "give an earlier export, checkpoint or statement") from error


def public_keys(pem: bytes) -> list[bytes]:
    """The raw keys for checkpoints of a PEM text: those below a line ``# checkpoint ...``, and those without
    a line above them; a key serves one purpose. Raises OperationError where there is none."""
    found, others = [], 0
    for purpose, body in _BLOCK.findall(pem):
        if purpose.split()[:1] not in ([], [CHECKPOINT.encode()]):
            others += 1
            continue
        try:
            found.append(public_key_of(_BEGIN + body + _END + b"\n"))
        except ValueError as error:
            message = "a public key of the file is no Ed25519 key"
            raise OperationError(message, "ask for the operator's keys: filterd key export") from error
    if not found:
        message = (
            "the file has no public key in PEM form" if not others else "it has keys for other uses alone"
        )
        raise OperationError(message, "ask for the operator's keys: filterd key export")
    return found
