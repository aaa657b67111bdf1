"""The texts that an agent of the support desk reads aloud before acting on a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filterd.policy.documents import Text

SCRIPTS = ("identity", "profile", "pause", "resume", "opt_out", "allow", "deny", "link", "pin")
"""the acts that have a text; before opting in, that of consent/ is read"""


@dataclass(frozen=True, slots=True)
class DeskScripts:
    """One version of them."""

    id: str
    """the version"""
    since: str
    """the day from which it is used, ``2026-11-01``"""
    scripts: tuple[tuple[str, Text], ...]
    """act and its text, in the order of :data:`SCRIPTS`"""
