"""Sets one sheet as a PDF: a process of its own, ``python -m filterd.operations.receipts.typeset``.

Standard input has one JSON object: ``template`` and ``receipt`` are texts, ``sheet`` is the data of the
template, ``at`` the time of the receipt in Unix seconds. Standard output gets the PDF. The process reads no
file of the installation, no font of the system and nothing from any network; its time and its memory have
bounds, and it gives way to what else runs here. Exit 3: typst is not installed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import Final

NO_TYPST = 3
STANDARD: Final = "a-3a"
"""PDF/A-3, accessible (ISO 19005-3)"""
CPU_SECONDS = 60
MEMORY = 2 * 1024**3
"""bytes of address space, of which the library itself takes some 100 million"""
NICE = 10


def main() -> int:
    """Set the sheet that standard input has; return the exit code."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import typst
    except ImportError as error:
        sys.stderr.write(f"{error}\n")
        return NO_TYPST
    job = json.load(sys.stdin.buffer)
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
    compiler = typst.Compiler(font_paths=fonts, ignore_system_fonts=True)
    try:
        made = compiler.compile(
            input=job["template"].encode(),
            format="pdf",
            sys_inputs={"sheet": json.dumps(job["sheet"]), "receipt": job["receipt"]},
            pdf_standards=[STANDARD],
            timestamp=job["at"],
        )
    except typst.TypstError as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    if not isinstance(made, bytes):
        return 1
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
