"""The settings on the ways to a register that is more than one address."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filterd.config.value_types import Seconds


@dataclass(frozen=True, slots=True)
class ListedPageSettings:
    """The page that names a list and its control file; see ``feed.list_page.Marks``."""

    list_mark: str
    control_mark: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TicketPlatformSettings:
    """The account at a platform of tickets."""

    account: str
    password_file: Path
    hold: Seconds
    """how long a ticket waits, since its sender may cancel it"""
    compare_every: Seconds
    """how often the full lists are held against what is blocked"""
    protected: tuple[str, ...]
    """what the platform is told never to list"""
    timeout: Seconds
