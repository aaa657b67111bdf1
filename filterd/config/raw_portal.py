"""The schema of the section ``web.portal`` of the configuration file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from filterd.config.raw_pages import RawPages
from filterd.config.raw_types import FilePath, SchemaWhenAsked, Section, key

_LOOPBACK = ("127.0.0.1", "::1")


def _issuer(text: str) -> str:
    try:
        found = urlsplit(text)
        _ = found.port
    except ValueError as error:
        msg = f"no address: {text[:64]!r}"
        raise ValueError(msg) from error
    odd = found.username or found.fragment or found.query or not text.isascii()
    if not found.hostname or odd:
        msg = f"no issuer: {text[:64]!r} (write https://HOST[:PORT][/PATH], as its discovery has it)"
        raise ValueError(msg)
    if found.scheme != "https" and (found.scheme, found.hostname in _LOOPBACK) != ("http", True):
        msg = "must begin with https:// (http:// is for 127.0.0.1 and [::1] alone)"
        raise ValueError(msg)
    return text


class RawOpenid(Section):
    """Sign-in with the provider's own accounts, by OpenID Connect."""

    issuer: Annotated[str, AfterValidator(_issuer)] = Field(
        description="The issuer, exactly as its discovery document has it; https, or http on loopback.",
        max_length=500,
        examples=["https://accounts.isp.example"],
    )
    client_id: str = Field(
        description="The name under which the portal is registered there.",
        min_length=1,
        max_length=256,
        strict=True,
    )
    client_secret_file: FilePath | None = key(
        None,
        "File with the client's secret in one line; relative to the file's directory. Absent: a public "
        "client, with PKCE alone.",
    )
    lines_claim: str = key(
        "filterd_lines",
        "The claim of the ID token with the line's id, a text, or with those of several, a list.",
        min_length=1,
        max_length=128,
        strict=True,
    )
    scopes: tuple[str, ...] = key(("openid",), "Scopes that are asked for; `openid` is always among them.")
    ca: FilePath | None = key(
        None, "A PEM file of the authorities for its server, instead of the system's; relative to the file."
    )


class RawPortal(RawPages):
    """`/portal`: the pages of subscribers. Links to sign in begin with `public_url`."""

    openid: Annotated[RawOpenid | None, SchemaWhenAsked(RawOpenid.model_json_schema)] = key(
        None, "Sign-in with the provider's own accounts. Absent: links, codes and PINs alone."
    )
