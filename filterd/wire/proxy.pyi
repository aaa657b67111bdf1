"""The header of the PROXY protocol, version 2, which a trusted front puts before what it passes on.

Source: "The PROXY protocol", versions 1 & 2, §2.2 (binary header) and §2.2.1 (TLVs). Version 1 is text for
TCP only, and is refused. Bytes in, values out: who may send such a header is the caller's business.
"""

from typing import Final

from filterd.wire.message import ProxyHeader as ProxyHeader
from filterd.wire.message import ProxyProblem as ProxyProblem

SIGNATURE: Final[bytes]
FIXED_SIZE: Final[int]
"""bytes: signature, version and command, family and transport, length"""
LONGEST: Final[int]
"""bytes of a header with its TLVs; a front sends far less, and an endless one would only fill buffers"""
PROBLEMS: Final[tuple[ProxyProblem | None, ...]]
"""by the native status; of success there is none"""

def parse_header(data: bytes, tlv: int = 0) -> ProxyHeader | ProxyProblem:
    """The header at the start of a datagram or stream. ``tlv``: the type of the TLV to take; others are
    passed over, their checksum too."""
