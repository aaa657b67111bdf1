"""The people who have more than one account, as the rest of the program sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PersonSettings:
    """One human: what takes two people never takes two accounts of the same one."""

    name: str
    accounts: tuple[str, ...]
    """logins, and names of tokens"""


def human_of(people: Iterable[PersonSettings], account: str) -> str:
    """The person behind an account; one that nobody is noted for is a person of its own."""
    return next((each.name for each in people if account in each.accounts), account)
