"""The schema of the section ``service`` of the configuration file."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from filterd.config.raw_types import SchemaWhenAsked, Section, key
from filterd.config.value_types import host_of_url

_PHONE = re.compile(r"[+*#]?[0-9][0-9 ()-]{1,30}")
_EMAIL = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{3,190}")
_LONGEST = 300
"""characters of an address"""
_PAGE = re.compile(r"https://[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~/%-]*)?")


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        msg = f"no telephone number: {text[:40]!r} (write digits and spaces, like 800 123 4567)"
        raise ValueError(msg)
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        msg = f"no e-mail address: {text[:64]!r} (write NAME@HOST)"
        raise ValueError(msg)
    return text


def _page(text: str) -> str:
    try:
        if len(text) > _LONGEST or not _PAGE.fullmatch(text):
            raise ValueError
        host_of_url(text)
    except ValueError:
        msg = f"no address of a page: {text[:64]!r} (write https://HOST or https://HOST/PATH)"
        raise ValueError(msg) from None
    return text


def _words(value: object) -> object:
    """A single text stands in both languages."""
    return {"es": value, "en": value} if isinstance(value, str) else value


Phone = Annotated[str, AfterValidator(_phone), Field(examples=["800 123 4567"])]
Email = Annotated[str, AfterValidator(_email), Field(examples=["filtro@isp.example"])]
Page = Annotated[str, AfterValidator(_page), Field(examples=["https://isp.example/filtro"])]
OneLine = Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f]+$")]


class RawWords(Section):
    """A text in both languages."""

    es: OneLine = Field(description="In Spanish.")
    en: OneLine = Field(description="In English.")


def _words_schema() -> dict[str, Any]:
    return {"anyOf": [{"type": "string", "examples": ["Sin costo"]}, RawWords.model_json_schema()]}


Words = Annotated[RawWords | None, BeforeValidator(_words), SchemaWhenAsked(_words_schema)]


class RawReach(Section):
    """The ways to reach somebody."""

    phone: Phone | None = key(None, "A telephone number, as people dial it.")
    email: Email | None = key(None, "An e-mail address.")
    url: Page | None = key(None, "A page, like https://isp.example/filtro.")
    place: Words = key(None, "A counter, or an address for letters: {es, en}.")
    hours: Words = key(None, "When somebody is there: {es, en}.")


class RawService(Section):
    """The provider's own facts, which the public page shows (LMTR 191). What is left out, no page says;
    `filterd config check` tells what is missing."""

    name: OneLine | None = key(None, "The provider's name, as customers know it.")
    price: Words = key(None, "The price of the filter, like {es: Sin costo, en: Free of charge}.")
    contact: RawReach = Field(default_factory=RawReach)
    complaints: RawReach = Field(default_factory=RawReach)
    complaint_days: int | None = key(
        None, "Business days within which a complaint is decided.", ge=1, le=366, strict=True
    )
    public_url: Page | None = key(
        None, "The address of the public page, short enough to be spoken, like https://filtro.isp.example."
    )
    privacy_notice: Page | None = key(
        None, "The address of the provider's whole privacy notice (LFPDPPP 15 and 16)."
    )
