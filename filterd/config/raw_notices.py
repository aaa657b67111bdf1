"""The schema of the section ``notices`` of the configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from filterd.config.raw_types import Duration, FilePath, Section, key
from filterd.model.notice import FIELDS

_LOOPBACK = ("127.0.0.1", "::1")


def _receiver(text: str) -> str:
    try:
        found = urlsplit(text)
        _ = found.port
    except ValueError as error:
        msg = f"no address: {text[:64]!r}"
        raise ValueError(msg) from error
    if not found.hostname or found.username or found.fragment or not text.isascii():
        msg = f"no address of a receiver: {text[:64]!r} (write https://HOST[:PORT]/PATH, without a user)"
        raise ValueError(msg)
    if found.scheme != "https" and (found.scheme, found.hostname in _LOOPBACK) != ("http", True):
        msg = "must begin with https:// (http:// is for 127.0.0.1 and [::1] alone)"
        raise ValueError(msg)
    return text


def _kind(text: str) -> str:
    if text not in FIELDS:
        msg = f"no kind of notice: {text[:64]!r} (kinds: {', '.join(FIELDS)})"
        raise ValueError(msg)
    return text


class RawReceiver(Section):
    """A receiver of signed messages over HTTPS."""

    id: str = Field(
        description="Its name in commands and logs.",
        pattern="^[a-z0-9][a-z0-9-]{0,31}$",
        strict=True,
    )
    url: Annotated[str, AfterValidator(_receiver)] = Field(
        description="The address that notices are posted to; https, or http on loopback.",
        max_length=500,
        examples=["https://crm.example/filterd"],
    )
    secret_file: FilePath = Field(
        description="File with the secret that signs each request, `whsec_` and base64, in its first line; "
        "relative to the file's directory. While a second line holds the secret of before, requests are "
        "signed with both. Read again at each attempt."
    )
    ca: FilePath | None = key(
        None, "A PEM file of the authorities for its server, instead of the system's; relative to the file."
    )
    timeout: Duration = key("10s", "The longest that one attempt takes.", ge=1, le=60)


class RawWebhook(RawReceiver):
    """A receiver of notices: the provider's system that sends SMS, WhatsApp or e-mail."""

    events: tuple[Annotated[str, AfterValidator(_kind), Field(examples=["opt_out"])], ...] = key(
        (), "The kinds of notices that it gets; without any, all."
    )


def require_different(ids: Sequence[str]) -> None:
    """Raise ValueError for an id that stands twice among receivers."""
    for each in ids:
        if ids.count(each) > 1:
            msg = f"webhooks: {each} stands here twice"
            raise ValueError(msg)


class RawNotices(Section):
    """Notices to the holders of lines: each change of a line's choices makes one."""

    webhooks: tuple[RawWebhook, ...] = key(
        (),
        "Receivers, each {id, url, secret_file, events, ca, timeout}. Without any, notices wait in the store "
        "for a person: `filterd notice list`.",
    )
    retry_for: Duration = key(
        "3d", "How long a notice is tried again, at growing intervals; then it has failed.", ge=60
    )
    keep: Duration = key(
        "30d", "How long a notice that is done, or that no receiver wants, is kept.", ge=3600
    )
    profile_changes: Duration = key(
        "30d",
        "How long after its notice a change of a profile's meaning takes effect for the lines that had the "
        "profile before (LMTR 185-IX).",
        le=366 * 86_400,
    )
    most: int = key(
        500_000,
        "Notices in the store at one time; beyond that the oldest go, and a metric counts them.",
        ge=100,
        le=10_000_000,
        strict=True,
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        require_different([each.id for each in self.webhooks])
        return self
