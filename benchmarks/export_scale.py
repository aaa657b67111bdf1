"""How long an export of a long trail takes to write and to verify, and how much memory it needs.

::

    .venv/bin/python benchmarks/export_scale.py [--entries N]

The trail is that of a small installation, with so many entries about lines behind it.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from filterd.model.audit_chain import AuditEntry, entry_hash
from filterd.operations.trail.verifying import VERIFIER
from tests.worlds import exported
from tests.worlds.installation import NOW, install


def fill(database: str, count: int) -> None:
    """Put entries about lines behind the trail of a store, with the right hashes."""
    with closing(sqlite3.connect(database)) as raw, raw:
        sequence, revision, previous = raw.execute(
            "SELECT audit_sequence, revision, audit_hash FROM head"
        ).fetchone()
        rows = []
        for number in range(sequence + 1, sequence + count + 1):
            entry = AuditEntry(revision, NOW, "ana", "subscriber.pause", f"line:{number}", "", None, {})
            salt = f"{number:032x}"
            digest = entry_hash(previous, entry, salt)
            told = (entry.action, entry.subject, "{}", previous, digest, salt)
            rows.append((number, revision, NOW, "ana", *told))
            previous = digest
        raw.executemany(
            "INSERT INTO audit (sequence, revision, at, actor, action, subject, reason, after,"
            " previous_hash, hash, salt) VALUES (?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?)",
            rows,
        )
        raw.execute("UPDATE head SET audit_sequence = ?, audit_hash = ?", (sequence + count, previous))


def megabytes(who: int) -> int:
    """The most memory that this process, or the largest of its children, had."""
    return resource.getrusage(who).ru_maxrss // 1024


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def run(base: Path, count: int) -> None:
    """Write the export and have both verifiers prove it; print the figures."""
    installation = await install(base / "filterd")
    await exported.script(installation)
    filler = "import sys; from export_scale import fill; fill(sys.argv[1], int(sys.argv[2]))"
    command = [sys.executable, "-c", filler, str(installation.database), str(count)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    before, began = megabytes(resource.RUSAGE_SELF), time.monotonic()
    done = await exported.write(installation, base / "export")
    took, after = time.monotonic() - began, megabytes(resource.RUSAGE_SELF)
    say(
        f"{done.entries} entries, {done.size // 1_000_000} MB: written in {took:.0f} s,"
        f" {after} MB of memory ({before} before)"
    )
    pem = base / "PUB.pem"
    main = "from filterd.cli.main import main; main()"
    first = [sys.executable, "-c", main, "audit", "verify", "export", "--key", str(pem)]
    second = [sys.executable, "-I", "-S", str(VERIFIER), "export", str(pem)]
    for name, command in (("filterd audit verify", first), ("verify-export.py", second)):
        began = time.monotonic()
        code = (
            "import resource, subprocess, sys; r = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL); "
        )
        code += "print(r, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        asked = [sys.executable, "-c", code, *command]
        told = await asyncio.to_thread(
            subprocess.run, asked, cwd=base, capture_output=True, text=True, check=True
        )
        result, memory = told.stdout.split()
        say(f"{name}: exit code {result}, {time.monotonic() - began:.0f} s, {memory} MB of memory")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description="export and verify a long trail")
    parser.add_argument("--entries", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as base:
        asyncio.run(run(Path(base), options.entries))


if __name__ == "__main__":
    main()
