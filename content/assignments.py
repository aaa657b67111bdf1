"""Assigns to popular names the categories of the shipped lists that have them: ``policies/expected.yaml``.

    python -m content.assignments [--write]

A shipped list may hold a popular name only where ``expected.yaml`` assigns it; else the name is held back as
it would be for any feed. Without ``--write`` the lines that would change are printed, for review. Malware and
phishing are never assigned.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from content.sources import POLICIES
from filterd.config.policies import load_policies
from filterd.policy.documents import Policies, Use

NEVER = frozenset({"malware", "phishing"})
EXPECTED = POLICIES / "expected.yaml"


def listed(policies: Policies) -> dict[str, set[str]]:
    """The names of the starter lists, each with the categories of the lists that have it."""
    found: dict[str, set[str]] = {}
    for feed in policies.feeds:
        if feed.use is Use.CATEGORY and not feed.remote and feed.category not in NEVER:
            for line in (POLICIES / feed.source).read_text(encoding="utf-8").splitlines():
                if not line.startswith("#"):
                    found.setdefault(line, set()).add(str(feed.category))
    return found


def missing(policies: Policies) -> dict[str, list[str]]:
    """The popular names whose assignment lacks a category, with all that they should have."""
    assigned = {each.name: set(each.categories) for each in policies.expected}
    blocked = listed(policies)
    found = {}
    for name in sorted(policies.popular | assigned.keys()):
        labels = name.split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        categories = set[str]().union(*(blocked.get(each, ()) for each in above))
        if not categories <= assigned.get(name, set()):
            found[name] = sorted(categories | assigned.get(name, set()))
    return found


def laid(text: str, changes: dict[str, list[str]]) -> str:
    """The text of expected.yaml with these lines in it, in order of the names."""
    head = re.match(r"(?:#.*\n|\n)*", text)
    start = head.end() if head else 0
    lines = {line.partition(":")[0]: line for line in text[start:].splitlines() if line}
    lines |= {name: f"{name}: [{', '.join(categories)}]" for name, categories in changes.items()}
    return text[:start] + "".join(lines[name] + "\n" for name in sorted(lines))


def main() -> None:
    """Read the command line; print or write what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--write", action="store_true", help="change expected.yaml")
    changes = missing(load_policies(Path(POLICIES)))
    if parser.parse_args().write:
        EXPECTED.write_text(laid(EXPECTED.read_text(encoding="utf-8"), changes), encoding="utf-8")
    for name, categories in changes.items():
        print(f"{name}: [{', '.join(categories)}]")


if __name__ == "__main__":
    main()
