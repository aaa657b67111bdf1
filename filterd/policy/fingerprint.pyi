"""Keyed fingerprints: SipHash-2-4 with 128 bits of output. A key has 16 bytes, a fingerprint 16."""

def fingerprint(key: bytes, data: bytes) -> bytes:
    """SipHash-2-4-128 of ``data``. ValueError for a key that is not 16 bytes long."""

def fingerprint_name(key: bytes, text: str) -> bytes:
    """The fingerprint of a name in canonical text (no final dot). ValueError when it is no name."""

def suffix_fingerprints(key: bytes, wire: bytes) -> list[bytes]:
    """The fingerprint of each suffix of a lower-cased wire name: the whole name first, the root last.

    ValueError when ``wire`` is no uncompressed name (RFC 1035, 3.1).
    """

def prefix_fingerprint(key: bytes, family: int, length: int, address: bytes) -> bytes:
    """The fingerprint of an address prefix, the bits beyond ``length`` taken as zero.

    Its input is 0x40 (no label has that length), the family (4 or 6), the length in bits and the masked
    address.
    ValueError when family, length and address do not fit each other.
    """
