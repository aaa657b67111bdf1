"""The schema of alarms on orders' deadlines, and of the section ``mail`` of the configuration file."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from filterd.config.raw_notices import RawReceiver, require_different
from filterd.config.raw_types import Duration, FilePath, Section, key

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?|::1")
PORTS = {"starttls": 587, "tls": 465, "none": 25}


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        msg = f"no e-mail address: {text[:64]!r} (write duty@isp.example)"
        raise ValueError(msg)
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        msg = f"no name or address of a server: {text[:64]!r} (write mail.isp.example)"
        raise ValueError(msg)
    return text


Address = Annotated[str, AfterValidator(_address), Field(examples=["duty@isp.example"])]
Lead = Annotated[Duration, Field(ge=60, le=31_622_400)]


class RawAlarms(Section):
    """Alarms before deadlines of orders, by mail where `mail.server` is set. A deadline that leaves less
    time than each lead alarms at half of its time; one that has passed alarms always."""

    before: tuple[Lead, ...] = key(
        ("24h", "4h", "1h"), "How long before a deadline somebody is told.", max_length=8
    )
    before_review: tuple[Lead, ...] = key(
        ("7d", "24h"), "How long before a review somebody is told.", max_length=8
    )
    webhooks: tuple[RawReceiver, ...] = key(
        (), "Receivers of `order.deadline` messages, each {id, url, secret_file, ca, timeout}."
    )
    retry_for: Duration = key("3d", "How long an alarm is tried again, at growing intervals.", ge=3600)

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        require_different([each.id for each in self.webhooks])
        return self


class RawMail(Section):
    """The server that takes e-mail to the operator's own people: alarms on orders. Nothing of it goes to
    subscribers, and no name of an order stands in it."""

    server: Annotated[str, AfterValidator(_host), Field(examples=["mail.isp.example"])] | None = key(
        None, "Name or address of the SMTP server. Without it nothing is mailed.", max_length=253
    )
    port: int | None = key(
        None, "Its port; by default 587 (starttls), 465 (tls) or 25 (none).", ge=1, le=65_535, strict=True
    )
    tls: Literal["starttls", "tls", "none"] = key(
        "starttls",
        "`starttls` refuses a server that offers no TLS; `tls` speaks it from the first byte; `none` is for "
        "a server on loopback alone.",
    )
    user: Annotated[str, Field(examples=["filterd"])] = key("", "Who logs in; empty: nobody.", max_length=256)
    password_file: FilePath | None = key(
        None, "File with the password in its first line; relative to the file's directory. Read each time."
    )
    ca: FilePath | None = key(
        None, "A PEM file of the authorities for the server, instead of the system's; relative to the file."
    )
    sender: Address | None = key(None, "The address that mails come from.", alias="from")
    to: tuple[Address, ...] = key((), "Who is told.", max_length=32)
    timeout: Duration = key("20s", "The longest that one attempt takes.", ge=1, le=120)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.server is None:
            return self
        if self.sender is None or not self.to:
            msg = "must have server, from and to (write from: filterd@isp.example, to: [duty@isp.example])"
            raise ValueError(msg)
        if self.tls == "none" and self.server not in _LOOPBACK:
            msg = "tls: none is for a server on 127.0.0.1, ::1 or localhost alone"
            raise ValueError(msg)
        if bool(self.user) != (self.password_file is not None):
            msg = "user and password_file belong together: write both, or neither"
            raise ValueError(msg)
        return self
