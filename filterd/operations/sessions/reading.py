"""Reads a file of sessions: a line is ``ADDRESS SUBSCRIBER [UNTIL]``, or an object of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from filterd.disk.given_file import GivenFile
from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.operations.sessions import claims
from filterd.operations.sessions.protocol import MOST_ADDRESSES, ToldSession

LONGEST = 8192
"""bytes of a line"""

Refuse = Callable[[int, str], None]
"""takes the number of a line and why it is not taken"""


def read_file(path: Path | GivenFile, now: float, refuse: Refuse) -> Iterator[tuple[int, ToldSession]]:
    """The sessions of a file, each with the number of its line; empty lines and those that begin with # are
    passed over. Raises OperationError for a file that cannot be read."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    refuse(number, f"the line has more than {LONGEST} bytes")
                    while line and not line.endswith(b"\n"):
                        line = file.readline(LONGEST)
                    continue
                told = _read(line, now, number, refuse)
                if told is not None:
                    yield number, told
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise OperationError(message, "give a file that this user can read") from error


def _read(line: bytes, now: float, number: int, refuse: Refuse) -> ToldSession | None:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        if not text or text.startswith("#"):
            return None
        return _of_object(text, now) if text.startswith("{") else _of_words(text, now)
    except UnicodeDecodeError:
        refuse(number, "the line is not UTF-8")
    except (OperationError, ValueError) as error:
        refuse(number, str(error))
    return None


def _of_words(text: str, now: float) -> ToldSession:
    words = text.split()
    if not 2 <= len(words) <= 3:
        msg = "not ADDRESS SUBSCRIBER [UNTIL]; a subscriber's id with spaces needs the form in JSON"
        raise ValueError(msg)
    return _told(words[:1], words[1], words[2] if len(words) == 3 else None, None, now)


def _of_object(text: str, now: float) -> ToldSession:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        msg = "no JSON"
        raise ValueError(msg)
    unknown = fields.keys() - {"address", "addresses", "subscriber", "until", "at"}
    if unknown:
        msg = f"unknown key {min(unknown)!r}; known are address, addresses, subscriber, until, at"
        raise ValueError(msg)
    addresses = fields.get("addresses", [fields["address"]] if "address" in fields else [])
    subscriber = fields.get("subscriber")
    if not isinstance(addresses, list) or not isinstance(subscriber, str):
        msg = "an object has an address (or addresses, a list) and a subscriber, both texts"
        raise ValueError(msg)
    return _told(addresses, subscriber, fields.get("until"), fields.get("at"), now)


def _told(addresses: list[Any], subscriber: str, until: Any, at: Any, now: float) -> ToldSession:
    if not 1 <= len(addresses) <= MOST_ADDRESSES or not all(isinstance(each, str) for each in addresses):
        msg = f"a session has 1 to {MOST_ADDRESSES} addresses, which are texts"
        raise ValueError(msg)
    told = ToldSession(
        tuple(str(claims.claim(each)) for each in addresses),
        input_values.text(subscriber, "subscriber", limit=128),
        None if at is None else input_values.past(_moment(at), now, "at"),
        None if until is None else _moment(until),
    )
    if told.until is not None and told.until <= now:
        msg = "the session has ended already"
        raise ValueError(msg)
    return told


def _moment(value: Any) -> float:
    """Unix seconds, or a time in ISO 8601."""
    if isinstance(value, str) and not value.isdecimal():
        return float(input_values.when(value, "the time"))
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        msg = "a time is Unix seconds or a text in ISO 8601"
        raise ValueError(msg)
    moment = float(value)
    if not input_values.EARLIEST <= moment <= input_values.LATEST:
        msg = "not a time that can be meant: Unix seconds count from 1970"
        raise ValueError(msg)
    return moment
