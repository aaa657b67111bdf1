"""Makes a release of the tree: its version, the changelog of its fragments, the entry of the Debian package.

``python packaging/release.py VERSION [--date YYYY-MM-DD]`` sets ``filterd.__version__``, moves the fragments
of docs/changelog.d into a section of docs/changelog.md, grouped by the first word of their names, and writes
packaging/debian/changelog. It commits nothing. Everything is checked before anything is written.
"""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAINTAINER = "filterd maintainers <maintainers@filterd.example>"
SUITE = "trixie"
GROUPS = {
    "Installation and service": "package units serve handover house rate ports weather",
    "Commands and configuration": "cli config emptied yaml zone doctor top completion first firsthour own",
    "Lists, policies and orders": "address content decide feeds order orders policies policy verdicts",
    "DNS": "answers bounded cache dataplane dns edns evasion fast fronts real safe tcp upstream wire",
    "Store, nodes and faults": "erase faults hostile node restore resync store tables",
    "Watching and documents": "alerts bench dashboards docs documents metrics runbooks watching",
}
"""heading -> the first words of the fragments below it"""
OTHER = "Other changes"
HEAD = (
    "# Changes\n\nA section for each release. What comes with the next one stands in\n"
    "`docs/changelog.d`, a file for each change.\n\n"
)


class ReleaseError(Exception):
    """A release that cannot be made; says what to do."""


def number(version: str) -> tuple[int, ...]:
    """The version as numbers. Raises :class:`ReleaseError` if it is none."""
    if re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", version) is None:
        message = f"{version!r} is no version; write three numbers: make release VERSION=0.2.0"
        raise ReleaseError(message)
    return tuple(int(part) for part in version.split("."))


def heading_of(fragment: Path) -> str:
    """The heading below which a fragment belongs."""
    word = re.split(r"[-.]", fragment.name, maxsplit=1)[0]
    return next((heading for heading, words in GROUPS.items() if word in words.split()), OTHER)


def section(version: str, date: str, fragments: list[Path]) -> str:
    """The changelog's section of a version."""
    parts = [f"## {version}, {date}\n"]
    for heading in (*GROUPS, OTHER):
        found = [each for each in fragments if heading_of(each) == heading]
        if found:
            parts.append(f"### {heading}\n\n" + "\n".join(entry(each) for each in found) + "\n")
    return "\n".join(parts)


def entry(fragment: Path) -> str:
    """One fragment as an item of a list; its paragraphs stay apart. Links lead from the folder above."""
    paragraphs = fragment.read_text(encoding="utf-8").replace("](../", "](").strip().split("\n\n")
    filled = (
        textwrap.fill(" ".join(each.split()), 98, break_long_words=False, break_on_hyphens=False)
        for each in paragraphs
    )
    return "- " + textwrap.indent("\n\n".join(filled), "  ").lstrip()


def debian_entry(version: str, date: datetime) -> str:
    """The entry of the Debian package's changelog, which leads to the whole one."""
    return (
        f"filterd ({version}) {SUITE}; urgency=medium\n\n"
        f"  * Release {version}. The changes: /usr/share/doc/filterd/changelog.md.\n\n"
        f" -- {MAINTAINER}  {format_datetime(date)}\n"
    )


def earlier_debian(text: str, version: str) -> Iterator[str]:
    """The entries of the Debian changelog without the one of this version."""
    for each in re.split(r"(?m)^(?=filterd \()", text):
        if each.strip() and not each.startswith(f"filterd ({version})"):
            yield f"\n{each.rstrip()}\n"


def earlier_sections(changelog: Path, version: str) -> str:
    """The sections that are there already. Raises :class:`ReleaseError` if this version has one."""
    if not changelog.exists():
        return ""
    found = re.split(r"(?m)^(?=## )", changelog.read_text(encoding="utf-8"), maxsplit=1)[1:]
    text = "".join(found)
    if re.search(rf"(?m)^## {re.escape(version)},", text):
        message = f"docs/changelog.md has a section {version} already; take the next number"
        raise ReleaseError(message)
    return f"\n{text}"


def release(root: Path, version: str, date: datetime) -> list[str]:
    """Make the release below ``root``; return the files that were written."""
    package = root / "filterd/__init__.py"
    code = package.read_text(encoding="utf-8")
    present = re.findall(r'(?m)^__version__ = "(.+)"$', code)[0]
    if number(version) < number(present):
        message = f"{version} is older than {present}, the version of this tree; take a greater one"
        raise ReleaseError(message)
    fragments = sorted((root / "docs/changelog.d").glob("*.md"))
    if not fragments:
        message = "docs/changelog.d has no fragment: there is nothing to release"
        raise ReleaseError(message)
    changelog, debian = root / "docs/changelog.md", root / "packaging/debian/changelog"
    earlier = earlier_sections(changelog, version)
    new = section(version, date.date().isoformat(), fragments)
    entries = "".join(earlier_debian(debian.read_text(encoding="utf-8"), version))
    written = {
        package: code.replace(f'__version__ = "{present}"', f'__version__ = "{version}"'),
        changelog: f"{HEAD}{new}{earlier}",
        debian: debian_entry(version, date) + entries,
    }
    for path, text in written.items():
        path.write_text(text, encoding="utf-8")
    for each in fragments:
        each.unlink()
    return [str(path.relative_to(root)) for path in written]


def main() -> None:
    """Read the command line and make the release; exit codes 2 for wrong use, 1 for what cannot be."""
    parser = argparse.ArgumentParser(description="Make a release of this tree.")
    parser.add_argument("version", help="three numbers: 0.2.0")
    parser.add_argument("--date", help="YYYY-MM-DD; default: today, UTC")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args()
    try:
        date = datetime.fromisoformat(given.date) if given.date else datetime.now(UTC)
        written = release(given.root, given.version, date.replace(tzinfo=UTC, microsecond=0))
    except (ReleaseError, ValueError) as error:
        sys.exit(f"release: {error}")
    print(f"written: {', '.join(written)}")  # noqa: T201 - the result of a command
    print(f"next: read docs/changelog.md; git add -A; git commit; git tag v{given.version}; make deb")  # noqa: T201 - the result of a command


if __name__ == "__main__":
    main()
