"""The schema of the section ``web.portal`` of the configuration file."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PlainValidator, WithJsonSchema

from filterd.config.raw_pages import RawPages
from filterd.config.raw_types import FilePath, SchemaWhenAsked, Section, key

_LOOPBACK = ("127.0.0.1", "::1")
_WORD = re.compile(r"[!#-\[\]-~]{1,256}")
"""of RFC 6749, appendix A: printable ASCII without spaces, quotes and backslashes"""


def _issuer(value: object) -> str:
    try:
        found = urlsplit(value if isinstance(value, str) else "")
        _ = found.port
    except ValueError:
        found = urlsplit("")
    odd = found.username or found.fragment or found.query
    text = str(value)
    if not found.hostname or odd or not text.isascii() or len(text) > 500:
        msg = f"no issuer: {text[:64]!r} (write https://HOST[:PORT][/PATH], as its discovery has it)"
        raise ValueError(msg)
    if found.scheme != "https" and (found.scheme, found.hostname in _LOOPBACK) != ("http", True):
        msg = f"not an https:// address: {text[:64]!r} (write http:// for 127.0.0.1 and [::1] alone)"
        raise ValueError(msg)
    return text


def _word(value: object) -> str:
    if not isinstance(value, str) or _WORD.fullmatch(value) is None:
        msg = f"not a word of OpenID Connect: {str(value)[:64]!r} (write letters, digits, signs)"
        raise ValueError(msg)
    return value


Issuer = Annotated[
    str,
    PlainValidator(_issuer),
    WithJsonSchema({"type": "string", "examples": ["https://accounts.isp.example"]}),
]
Word = Annotated[
    str, PlainValidator(_word), WithJsonSchema({"type": "string", "examples": ["filtro", "openid"]})
]


class RawOpenid(Section):
    """Sign-in with the provider's own accounts, by OpenID Connect."""

    issuer: Issuer = Field(
        description="The issuer, exactly as its discovery document has it; https, or http on loopback."
    )
    client_id: Word = Field(description="The name under which the portal is registered there.")
    client_secret_file: FilePath | None = key(
        None,
        "File with the client's secret in one line; relative to the file's directory. Absent: a public "
        "client, with PKCE alone.",
    )
    lines_claim: Word = key(
        "filterd_lines",
        "The claim of the ID token with the line's id, a text, or with those of several, a list.",
    )
    scopes: tuple[Word, ...] = key(("openid",), "Scopes that are asked for; `openid` is always among them.")
    ca: FilePath | None = key(
        None, "A PEM file of the authorities for its server, instead of the system's; relative to the file."
    )


class RawPortal(RawPages):
    """`/portal`: the pages of subscribers. Links to sign in begin with `public_url`."""

    openid: Annotated[RawOpenid | None, SchemaWhenAsked(RawOpenid.model_json_schema)] = key(
        None, "Sign-in with the provider's own accounts. Absent: links, codes and PINs alone."
    )
