"""Lines behind shared addresses: outside address and port tell the inside address, or the prefix."""

from collections.abc import Sequence
from typing import final

from filterd.dataplane.packet.plane_types import MapRule, SharedRule

@final
class SharedAddresses:
    """The rules for outside addresses that lines share; they never change."""

    def __init__(self, seed: bytes, shared: Sequence[SharedRule], maps: Sequence[MapRule]) -> None:
        """Of several rules for the same outside addresses the first that knows the port is used."""

    def __len__(self) -> int: ...
    def translate(self, client: bytes, port: int) -> bytes | None:
        """The address to look up, 16 bytes; None: the port belongs to nobody. Port 0: not known."""
