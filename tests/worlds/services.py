"""SVCB and HTTPS records with ECH, sound and hostile, in wire form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import pack

from hypothesis import strategies as st

MANDATORY, ALPN, PORT, IPV4HINT, ECH, IPV6HINT = 0, 1, 3, 4, 5, 6
SECRET = b"ech-keys"
CONFIGS = b"\x00\x0c\xfe\x0d\x00\x08" + SECRET
"""a list of one ECH configuration: its version and its content, which is opaque here"""

Parameter = tuple[int, bytes]
"""key and value"""


def mandatory(*keys: int) -> Parameter:
    """The keys that a client must understand."""
    return MANDATORY, b"".join(pack("!H", key) for key in keys)


def data(priority: int, target: bytes, parameters: Iterable[Parameter]) -> bytes:
    """A record's data; the parameters in the order in which they are given."""
    written = b"".join(pack("!HH", key, len(value)) + value for key, value in parameters)
    return pack("!H", priority) + target + written


def parameters() -> st.SearchStrategy[list[Parameter]]:
    """Sound ones, in their order; about half have ECH."""
    values = {
        MANDATORY: st.lists(st.sampled_from([ALPN, PORT, ECH]), min_size=1, max_size=3, unique=True).map(
            lambda keys: mandatory(*sorted(keys))[1]
        ),
        ALPN: st.sampled_from([b"\x02h2", b"\x02h2\x02h3"]),
        PORT: st.just(b"\x01\xbb"),
        IPV4HINT: st.just(bytes([192, 0, 2, 1])),
        ECH: st.sampled_from([CONFIGS, b"", CONFIGS * 30]),
        IPV6HINT: st.just(bytes(16)),
        65_280: st.binary(max_size=8),
    }
    return st.fixed_dictionaries({}, optional=values).map(lambda found: sorted(found.items()))


def sound(targets: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Data of sound records, in AliasMode too."""
    return st.builds(data, st.sampled_from([0, 1, 1, 2]), st.sampled_from(targets), parameters())


def hostile(targets: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Data of records whose parameters are out of order, doubled, cut short or too long, or whose target is
    compressed."""
    shuffled = parameters().flatmap(st.permutations)
    doubled = parameters().map(lambda found: found + found)
    numbers = st.integers(0, 2)
    disordered = st.builds(data, numbers, st.sampled_from(targets), st.one_of(shuffled, doubled))
    cut = st.builds(lambda whole, size: whole[: -size or None], sound(targets), st.integers(0, 30))
    longer = st.builds(lambda whole, more: whole + more, sound(targets), st.binary(max_size=6))
    compressed = st.builds(data, numbers, st.sampled_from([b"\xc0\x0c", b"\x01a\xc0\x0c"]), parameters())
    return st.one_of(disordered, cut, longer, compressed)
