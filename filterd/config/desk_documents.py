"""Reads ``desk/<version>.yaml``: the texts that an agent of the support desk reads aloud."""

from __future__ import annotations

from datetime import date

from filterd.config.policy_values import DocumentValue
from filterd.policy.desk_scripts import SCRIPTS, DeskScripts


def read_desk_scripts(found: DocumentValue, name: str) -> DeskScripts:
    """The file desk/<name>.yaml. Every act must have its text."""
    keys = found.keys(("since", "scripts"))
    since = str(keys["since"].value)
    try:
        date.fromisoformat(since)
    except ValueError:
        keys["since"].wrong("is no day like 2026-11-01")
    scripts = keys["scripts"].keys(SCRIPTS)
    return DeskScripts(
        id=DocumentValue(name, found.path, found.problems).id(),
        since=since,
        scripts=tuple((act, scripts[act].text()) for act in SCRIPTS),
    )
