"""One name of a list: the form it is brought into, and the reason where it is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filterd.feed.names import NOT_EXECUTABLE, RefusedNameError, clean_lines, normalise

FORM = re.compile(r"(?=.{1,253}$)([a-z0-9_-]{1,63}\.)+[a-z0-9-]{1,63}")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("a_b.-c-.example.org", "a_b.-c-.example.org"),
        ("niño.mx", "xn--nio-8ma.mx"),
        ("NIÑO。mx", "xn--nio-8ma.mx"),
        ("a_b.niño.mx", "a_b.xn--nio-8ma.mx"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        ("faß.de", "xn--fa-hia.de"),
        ("1.2.3.example", "1.2.3.example"),
        ("a." * 124 + "ab.com", "a." * 124 + "ab.com"),
    ],
)
def test_names(text: str, name: str) -> None:
    if len(name) > 253:
        with pytest.raises(RefusedNameError):
            normalise(text)
    else:
        assert normalise(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (".", "the root"),
        ("", "no name"),
        ("com", "a single label"),
        ("192.0.2.1", "an IP address"),
        ("2001:db8::1", "an IP address"),
        ("[2001:db8::1]", "an IP address"),
        ("192.0.2.0/24", "an address prefix"),
        ("https://example.com/x", NOT_EXECUTABLE),
        ("example.com/x", NOT_EXECUTABLE),
        ("me@example.com", "an e-mail address"),
        ("a.*.example.com", "a wildcard in a place where none can stand"),
        ("example.com:443", "a port: DNS knows only names"),
        ("||example.com^", "an adblock rule"),
        ("a..example.com", "an empty label"),
        (".example.com", "an empty label"),
        ("a" * 64 + ".com", "too long for a name"),
        ("a." * 127 + "com", "too long for a name"),
        ("exam ple.com", "a character that no host name has"),
        ("exam\x00ple.com", "a character that no host name has"),
        ("example.123", "a last label that can be no top-level domain"),
        ("example.c_m", "a last label that can be no top-level domain"),
        ("\N{PILE OF POO}.la", "not a valid internationalised name"),
        ("xn--nio-8ma\N{COMBINING TILDE}.\u200d", "not a valid internationalised name"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(RefusedNameError) as caught:
        normalise(text)
    assert str(caught.value) == reason


@given(st.text(max_size=80) | st.from_regex(r"[a-zA-Z0-9_.ñ。-]{1,80}", fullmatch=True))
def test_a_name_in_form_or_a_reason(text: str) -> None:
    try:
        name = normalise(text)
    except RefusedNameError as refused:
        assert str(refused)
    else:
        assert FORM.fullmatch(name)
        assert normalise(name) == name


@given(st.from_regex(r"[a-z0-9_.-]{1,70}", fullmatch=True))
def test_what_is_taken_whole_is_what_the_line_reader_gives(text: str) -> None:
    line = f"{text}\n".encode()
    match = clean_lines().match(line)
    if match is not None and match.end() == len(line):
        assert normalise(text) == text
