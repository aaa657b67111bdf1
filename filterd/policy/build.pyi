"""Builds a policy snapshot out of canonical rules (``canonical``)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, final

MANDATORY_TARGET: Final[int]
"""A rule's target below it is a class bit; from it on, the rest is a mandatory id."""

class BuildError(ValueError):
    """Rules that no snapshot can hold; the message says which bound they break."""

@final
class Builder:
    """Collects the rules of all lists, then makes the file's bytes. Used once."""

    def __init__(self, key: bytes) -> None:
        """``key``: the installation's fingerprint key, 16 bytes (ValueError)."""

    def begin_list(self, targets: Iterable[int]) -> None:
        """Begin a list: each of its rules gives every one of ``targets``. BuildError for one that is none."""

    def add_run(self, run: bytes | bytearray | memoryview) -> int:
        """Add the next lines of the list, whole ones; how many they were.

        CanonicalError names the first line that is not canonical or not after the one before it. The builder
        then holds part of a list and is of no further use.
        """

    def add_fingerprint(self, value: bytes, target: int, scope: int, action: int) -> None:
        """Add a rule whose name or prefix is known by its fingerprint only."""

    def use_prefixes(self, lengths4: Iterable[int], lengths6: Iterable[int]) -> None:
        """Say which prefix lengths the address rules given as fingerprints have."""

    def parts(
        self, meta: Mapping[str, Any], revision: int, built_at: int, digest: bytes
    ) -> tuple[bytes, bytes]:
        """The header with its checksum still zero, and all that follows it: for a table that is no file."""

    def finish(self, meta: Mapping[str, Any], revision: int, built_at: int, digest: bytes) -> list[bytes]:
        """The snapshot's bytes, to be written one after the other. ``digest``: the policy digest's 32."""
