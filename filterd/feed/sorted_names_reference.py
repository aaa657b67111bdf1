"""The readable reference of ``sorted_names``: the same results by Python's own sets and sorting."""

from __future__ import annotations

_MAX_NAME = 255
_OCTETS = frozenset(range(0x21, 0x7F))


class NameSorter:
    """Takes names in any order, and gives each once, sorted. Used once."""

    def __init__(self, step: int = 1 << 26) -> None:
        """Start without names. A set drops repeated ones at once, whatever ``step`` is."""
        self._names: set[bytes] = set()
        self._finished = False

    def add(self, run: bytes) -> None:
        """Add names, each ended by a newline; empty lines are passed over."""
        self._require_unfinished()
        names = _lines(run)
        if any(len(name) > _MAX_NAME or not _OCTETS.issuperset(name) for name in names):
            msg = "a name longer than 255 octets, or with an octet that no name has"
            raise ValueError(msg)
        self._names.update(filter(None, names))

    def finish(self) -> bytes:
        """The names, sorted bytewise, each once and ended by a newline."""
        self._require_unfinished()
        self._finished = True
        return b"".join(name + b"\n" for name in sorted(self._names))

    def _require_unfinished(self) -> None:
        if self._finished:
            msg = "the names were sorted already: new ones take a new sorter"
            raise ValueError(msg)


def common_names(names: bytes, others: bytes) -> list[bytes]:
    """The names that stand in both; each argument is sorted, and every name ended by a newline."""
    if not names or not others:
        return []
    return sorted(set(_lines(names)).intersection(_lines(others)))


def _lines(run: bytes) -> list[bytes]:
    if run and not run.endswith(b"\n"):
        msg = "the last name has no newline"
        raise ValueError(msg)
    return run.split(b"\n")[:-1]
