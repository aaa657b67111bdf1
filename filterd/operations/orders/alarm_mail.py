"""The mail of alarms: one for all that is due at a moment, in Spanish and English, without any name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from filterd.config.alarm_settings import MailSettings
from filterd.operations import plain_values
from filterd.operations.orders.duties import OF_LISTS, Duty

LISTED = 40
"""duties that one mail lists; the rest is a number"""
_LONGEST = 160
"""characters of an order's own words"""
_LANGUAGES = ("es", "en")
_NAME = re.compile(r"\S*[\w-]\[?[.\u3002\uff0e\uff61\u2024]\]?[\w-]{2,}\S*")


@dataclass(frozen=True, slots=True)
class MailHead:
    """The settings, the moment (Unix seconds) and the time zone of a mail."""

    settings: MailSettings
    now: float
    zone: str


def alarm_mail(head: MailHead, duties: Sequence[Duty]) -> EmailMessage:
    """The mail on duties, the soonest first. The subject is Spanish, as the first half of the body."""
    words = texts()
    ordered = sorted(duties, key=lambda each: (each.due_at, each.order.number))
    body = "\n\n-- \n\n".join(_body(words[each], each, ordered, head) for each in _LANGUAGES)
    spanish, first = words["es"], ordered[0]
    subject = spanish[_subject(ordered)].format(
        reference=first.order.reference,
        duty=spanish[first.kind.value],
        when=_when(spanish, first, head.now),
        count=len(ordered),
    )
    return _message(head, subject, body)


def _subject(duties: Sequence[Duty]) -> str:
    if len(duties) > 1:
        return "subject_many"
    return "subject_list" if duties[0].kind in OF_LISTS else "subject_one"


def trial_mail(head: MailHead) -> EmailMessage:
    """The mail that says that mail arrives."""
    words = texts()
    body = "\n\n".join(words[each]["test_body"] for each in _LANGUAGES)
    return _message(head, words["es"]["test_subject"], body)


def _message(head: MailHead, subject: str, body: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = head.settings.sender
    message["To"] = ", ".join(head.settings.to)
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime.fromtimestamp(int(head.now), UTC))
    message["Message-ID"] = make_msgid(domain=head.settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(body + "\n", cte="quoted-printable")
    return message


def _by_clock(at: float, zone: str) -> str:
    """A time by the clock of a zone; one that no clock shows keeps no mail from going out."""
    try:
        return datetime.fromtimestamp(at, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")
    except (ValueError, OverflowError, OSError):
        return plain_values.moment(at)


def _body(words: Mapping[str, str], language: str, duties: Sequence[Duty], head: MailHead) -> str:
    lines = [words["intro"], ""]
    for each in duties[:LISTED]:
        lines.append(
            words["line"].format(
                reference=each.order.reference,
                duty=words[each.kind.value],
                when=_when(words, each, head.now),
                due=_by_clock(each.due_at, head.zone),
            )
        )
        authority, ground = titles(each, language)
        if authority or ground:
            lines.append("    " + words["under"].format(authority=authority, ground=ground))
    if len(duties) > LISTED:
        lines.append(words["more"].format(count=len(duties) - LISTED))
    lines += ["", words["end"]]
    if any(each.kind in OF_LISTS for each in duties):
        lines.append(words["end_lists"])
    return "\n".join(lines)


def titles(duty: Duty, language: str) -> tuple[str, str]:
    """Authority and ground by the titles of the jurisdiction, else in the words of the order, on one line.
    Both are empty for a confidential order: of it its reference, the duty and the time leave alone."""
    if duty.order.confidential:
        return "", ""
    body, ground = duty.basis.authority, duty.basis.ground
    return (
        _line(_nameless(duty.order.authority) if body is None else getattr(body.title, language)),
        _line(
            _nameless(duty.order.ground)
            if ground is None
            else f"{getattr(ground.title, language)} ({ground.law})"
        ),
    )


def _nameless(text: str) -> str:
    """An order's own words without what looks like the name of a site: somebody may have written it there."""
    return _NAME.sub("…", text)


def _line(text: str) -> str:
    """Words of people on one line: no newline of theirs begins anything."""
    one = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return one if len(one) <= _LONGEST else one[: _LONGEST - 1] + "…"


def _when(words: Mapping[str, str], duty: Duty, now: float) -> str:
    left = duty.due_at + 1 - now
    return words["left" if left > 0 else "overdue"].format(time=_time(words, abs(left)))


def _time(words: Mapping[str, str], seconds: float) -> str:
    if seconds < 2 * 3600:
        return words["minutes"].format(count=int(seconds // 60))
    if seconds < 2 * 86_400:
        return words["hours"].format(count=int(seconds // 3600))
    return words["days"].format(count=int(seconds // 86_400))


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """Language -> key -> text."""
    found = files("filterd.operations.orders").joinpath("alarm_texts.toml").read_text(encoding="utf-8")
    read: dict[str, dict[str, str]] = tomllib.loads(found)
    return read
