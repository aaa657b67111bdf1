"""Native server cookies are what their plain-Python reference makes, and hold when it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.wire import cookie, cookie_reference

addresses = st.one_of(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=4, max_size=4).map(lambda v4: bytes(10) + b"\xff\xff" + v4),
)
secrets = st.one_of(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
times = st.integers(0, 0xFFFFFFFF)


@given(secrets=secrets, sent=st.binary(min_size=8, max_size=40), address=addresses, now=times)
def test_any_cookie(secrets: bytes, sent: bytes, address: bytes, now: int) -> None:
    assert cookie.answer(secrets, sent, address, now) == cookie_reference.answer(secrets, sent, address, now)


@given(
    secrets=secrets,
    client=st.binary(min_size=8, max_size=8),
    address=addresses,
    now=times,
    later=st.one_of(st.integers(-400, 4000), st.sampled_from([-301, -300, 1800, 1801, 3600, 3601])),
    spoiled=st.one_of(st.none(), st.integers(0, 191)),
)
def test_a_cookie_that_comes_back(
    secrets: bytes, client: bytes, address: bytes, now: int, later: int, spoiled: int | None
) -> None:
    _, made = cookie_reference.answer(secrets[-16:], client, address, now)
    then = (now + later) & 0xFFFFFFFF
    if spoiled is not None:
        bits = int.from_bytes(made, "big") ^ 1 << spoiled
        made = bits.to_bytes(24, "big")
    got = cookie.answer(secrets, made, address, then)
    assert got == cookie_reference.answer(secrets, made, address, then)
    if spoiled is None:
        assert got[0] == (-300 <= later <= 3600)
    else:
        assert not got[0]


@pytest.mark.parametrize(
    ("secrets", "sent", "address"),
    [
        (b"", bytes(8), bytes(16)),
        (bytes(17), bytes(8), bytes(16)),
        (bytes(16), bytes(7), bytes(16)),
        (bytes(16), bytes(8), bytes(4)),
    ],
)
def test_other_lengths_are_errors(secrets: bytes, sent: bytes, address: bytes) -> None:
    with pytest.raises(ValueError):
        cookie.answer(secrets, sent, address, 0)
