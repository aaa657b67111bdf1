"""Server cookies: the published examples, how long one holds, for whom, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from filterd.wire import cookie, cookie_reference

SECRET = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
OTHER = bytes.fromhex("445536bcd2513298075a5d379663c962")
CLIENT = bytes.fromhex("2464c4abcf10c957")
MADE = 1559731985
Answer = Callable[[bytes, bytes, bytes, int], tuple[bool, bytes]]


def address(text: str) -> bytes:
    packed = ip_address(text).packed
    return packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed


HERE = address("198.51.100.100")


@pytest.fixture(params=[cookie.answer, cookie_reference.answer], ids=["native", "reference"])
def answer(request: pytest.FixtureRequest) -> Answer:
    found: Answer = request.param
    return found


@pytest.mark.parametrize(
    ("secrets", "sent", "sender", "now", "expected"),
    [
        (
            SECRET,
            "2464c4abcf10c957",
            "198.51.100.100",
            MADE,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
        ),
        (
            SECRET,
            "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
            "198.51.100.100",
            1559734385,
            "2464c4abcf10c957010000005cf7a871d4a564a1442aca77",
        ),
        (
            SECRET,
            "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
            "203.0.113.203",
            1559734700,
            "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
        ),
        (
            OTHER + bytes.fromhex("dd3bdf9344b678b185a6f5cb60fca715"),
            "22681ab97d52c298010000005cf7c57926556bd0934c72f8",
            "2001:db8:220:1:59de:d0f4:8769:82b8",
            1559741961,
            "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
        ),
    ],
    ids=["A.1", "A.2", "A.3", "A.4"],
)
def test_the_examples_of_the_rfc(
    answer: Answer, secrets: bytes, sent: str, sender: str, now: int, expected: str
) -> None:
    """RFC 9018, appendix A; in A.4 the cookie is young and the server renews it all the same, we do not."""
    valid, made = answer(secrets, bytes.fromhex(sent), address(sender), now)
    if sender.startswith("2001"):
        assert (valid, made) == (True, bytes.fromhex(sent))
        _, made = answer(secrets, bytes.fromhex(sent)[:8], address(sender), now)
    assert made == bytes.fromhex(expected)


def test_reserved_bytes_are_hashed_as_they_came(answer: Answer) -> None:
    sent = bytes.fromhex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5")
    assert answer(SECRET, sent, address("203.0.113.203"), 1559728000) == (True, sent)


@pytest.mark.parametrize(
    ("age", "valid", "kept"),
    [
        (-301, False, False),
        (-300, True, True),
        (0, True, True),
        (1800, True, True),
        (1801, True, False),
        (3600, True, False),
        (3601, False, False),
    ],
)
def test_a_cookie_holds_for_an_hour_and_is_renewed_after_half(
    answer: Answer, age: int, valid: bool, kept: bool
) -> None:
    _, made = answer(SECRET, CLIENT, HERE, MADE)
    holds, back = answer(SECRET, made, HERE, MADE + age)
    assert (holds, back == made) == (valid, kept)
    assert back[:8] == CLIENT
    assert answer(SECRET, back, HERE, MADE + age)[0]


def test_the_clock_may_turn_over(answer: Answer) -> None:
    _, made = answer(SECRET, CLIENT, HERE, 0xFFFFFFF0)
    assert answer(SECRET, made, HERE, 100) == (True, made)


def test_a_cookie_is_for_one_address_one_client_cookie_and_one_secret(answer: Answer) -> None:
    _, made = answer(SECRET, CLIENT, HERE, MADE)
    assert not answer(SECRET, made, address("198.51.100.101"), MADE)[0]
    assert not answer(SECRET, bytes(8) + made[8:], HERE, MADE)[0]
    assert not answer(OTHER, made, HERE, MADE)[0]


def test_a_secret_is_changed_without_a_cookie_lost(answer: Answer) -> None:
    """RFC 9018, section 5: known first, then used, then the old one is dropped."""
    _, made = answer(SECRET, CLIENT, HERE, MADE)
    _, newer = answer(OTHER + SECRET, CLIENT, HERE, MADE)
    assert answer(SECRET + OTHER, newer, HERE, MADE + 10) == (True, newer)
    assert answer(OTHER + SECRET, made, HERE, MADE + 10) == (True, made)
    assert answer(OTHER + SECRET, made, HERE, MADE + 1900)[1] == answer(OTHER, CLIENT, HERE, MADE + 1900)[1]


@pytest.mark.parametrize("length", [8, 16, 23, 25, 40])
def test_another_length_or_version_is_no_cookie_of_ours(answer: Answer, length: int) -> None:
    _, made = answer(SECRET, CLIENT, HERE, MADE)
    sent = (made + bytes(40))[:length]
    assert not answer(SECRET, sent, HERE, MADE)[0]
    assert not answer(SECRET, made[:8] + b"\x02" + made[9:], HERE, MADE)[0]
