"""The cases that the product does not pass yet, each with its reason: the suite leaves them out, ``make
chaos`` plays them all."""

from __future__ import annotations

_SNAPSHOT = "a start takes the snapshot that stands there, though the store has a newer one"
_OPEN = "a first compile without the list of a category leaves lines with that category open"

PENDING: dict[str, str] = {
    "earlier-node+snapshots": _SNAPSHOT,
    "restore-older-ledger": "a restore takes endings from the ledger alone",
    "killed-backup": "the draft of a killed backup stands until the next backup of that name",
    "first-start-list-missing": _OPEN,
    "first-start-list-unreadable": _OPEN,
    "choice-while-down-behind-import": "serving begins before the choices of the log are followed",
}
