"""Entries of the audit trail as a caller may see them."""

from __future__ import annotations

from collections.abc import Iterable

from filterd.model.audit_chain import StoredEntry
from filterd.model.export_format import entry_record, is_shown
from filterd.model.token import TokenRole
from filterd.operations.plain_values import plain, with_times
from filterd.web.api.callers import Caller
from filterd.web.api.fields import Plain


def sees_all(caller: Caller) -> bool:
    """True but for a regulator, who sees the trail as an export shows it, and no small counts."""
    return caller.token.role is not TokenRole.REGULATOR


def entries_for(caller: Caller, found: Iterable[StoredEntry]) -> list[Plain]:
    """The entries; to a regulator the record of an export for each one that is withheld there."""
    whole = sees_all(caller)
    return [
        with_times(plain(each)) if whole or is_shown(each.entry) else entry_record(each, shown=False)
        for each in found
    ]
