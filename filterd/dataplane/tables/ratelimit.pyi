"""The limit on queries over UDP, by client prefix."""

from typing import Literal, final

from filterd.dataplane.tables.rate_settings import RateSettings

@final
class RateRules:
    """The limits of a configuration; sealed when made."""

    def __init__(self, secret: bytes, settings: RateSettings) -> None:
        """``secret``: 16 bytes. Raises ValueError for a limit on a part of one IPv6 /64."""

@final
class RateLimiter:
    """The buckets of clients and, apart from them, of who is outside the ACL; all memory is taken here."""

    def __init__(self, secret: bytes, clients: int = ..., strangers: int = ...) -> None:
        """``secret``: 16 bytes; ``clients`` and ``strangers``: how many buckets, 16 bytes each."""

    @property
    def memory(self) -> int:
        """Bytes of all buckets."""

    def take(
        self, rules: RateRules, client: bytes, milliseconds: int, stranger: bool = ...
    ) -> Literal["pass", "truncate", "drop"]:
        """Take one query. ``client`` has 16 bytes; the clock is one that does not go back."""

    def take_all(
        self, rules: RateRules, clients: bytes | bytearray | memoryview, milliseconds: int
    ) -> tuple[int, int, int]:
        """One query of each client, 16 bytes each, without the GIL; how many passed, got TC, and silence."""
