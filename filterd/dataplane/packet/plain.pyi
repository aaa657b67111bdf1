"""The plain core of a query, for a resolver that some packet keeps killing."""

def plain_of(packet: bytes) -> tuple[int, bytes, int]:
    """0 and the plain query, 1 and the refusal, or 2 (less than a header) and 3 (an answer) and nothing; and
    how many bytes behind the header are the question. See the .pxd for what is plain."""
