"""A process that imports lines: ``python -m tests.concurrency.importer BASE FILE``.

Prints how many rows are done after each chunk.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from filterd.model.subscriber import RequestEvidence
from filterd.operations.context import open_context
from filterd.operations.importing import ImportResult, import_file
from tests.worlds.installation import settings_in


async def import_lines(base: Path, file: Path) -> ImportResult:
    """Import the file into the installation at ``base``."""
    evidence = RequestEvidence("contract", "paper", 1_793_600_000.0, "2026-11", "migration")
    async with open_context(settings_in(base), clock=time.time) as context:
        return await import_file(
            context, file, evidence=evidence, progress=lambda rows, _: print(rows, flush=True)
        )


if __name__ == "__main__":
    asyncio.run(import_lines(Path(sys.argv[1]), Path(sys.argv[2])))
