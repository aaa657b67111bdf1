"""Small steps of tests of the trail: something to record, and rows changed behind filterd's back."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from filterd.operations.context import Context
from tests.worlds.installation import Installation


async def record(context: Context, subject: str = "store", action: str = "test.note") -> None:
    """Put an entry into the audit trail."""
    async with context.store.write(context.actor, context.clock()) as write:
        write.audit(action, subject)


def tamper(installation: Installation, statement: str, *values: object) -> None:
    """Change the store's file by hand."""
    with closing(sqlite3.connect(installation.database)) as raw, raw:
        assert raw.execute(statement, values).rowcount > 0


def openssl_verifies(where: Path, key: str, data: bytes, signature: bytes) -> bool:
    """Whether OpenSSL finds the Ed25519 signature on the data to be that of the key, a PEM text."""
    (where / "data").write_bytes(data)
    (where / "signature").write_bytes(signature)
    (where / "key.pem").write_text(key)
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "key.pem"]
    command += ["-in", "data", "-sigfile", "signature"]
    return subprocess.run(command, cwd=where, capture_output=True, check=False).returncode == 0
