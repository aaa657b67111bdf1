"""Server cookies that any server with the same secret makes and checks alike (RFC 9018)."""

def answer(secrets: bytes, sent: bytes, address: bytes, now: int) -> tuple[bool, bytes]:
    """True if the server cookie that a client sent holds, and the 24 bytes of cookie that go back.

    ``secrets``: one or two of 16 bytes; the first makes cookies. ``sent``: the option's content, 8 bytes or
    more. ``address``: the sender's 16 bytes, IPv4 as ::ffff:a.b.c.d. ``now``: Unix seconds, 32 bits.
    ValueError for other lengths.
    """
