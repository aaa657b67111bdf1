"""The plain core of a query, for a resolver that some packet keeps killing."""

def plain_of(packet: bytes) -> tuple[int, bytes, int]:
    """Return 0 and the plain query, 1 and the refusal, or nothing with 2 (less than a header) and 3 (an
    answer); and the length of the question. ``plain.pxd`` defines plain."""
