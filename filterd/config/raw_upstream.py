"""What the configuration file may say of a resolver that queries are forwarded to: ``dns.upstreams``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from filterd.config import domain
from filterd.config.raw_values import Section, key

PORT = 53
TLS_PORT = 853
"""RFC 7858 section 3.1"""

UpstreamAddress = Annotated[
    domain.Endpoint,
    PlainValidator(
        lambda value: value if isinstance(value, domain.Endpoint) else domain.parse_endpoint(value)
    ),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.53", "192.0.2.53:53", "[2001:db8::53]:53"]}),
]
TlsName = Annotated[
    domain.TlsName,
    PlainValidator(domain.parse_tls_name),
    WithJsonSchema({"type": "string", "examples": ["dns.example", "192.0.2.53"]}),
]


class RawUpstreamTls(Section):
    """DNS over TLS to an upstream, with a certificate that is verified; there is no way without."""

    name: TlsName = Field(description="The name, or the address, that its certificate must be for.")
    ca: Path | None = key(
        None,
        "A PEM file of the certificates that its chain may end in, instead of the system's; relative to the "
        "file's directory.",
    )


class RawUpstream(Section):
    """A resolver that queries are forwarded to; a bare address stands for one that is not trusted."""

    address: UpstreamAddress = Field(
        description="Address and port; the port is 53 where left out, or 853 with tls."
    )
    trusted: bool = key(
        False,
        "Whether its AD flag is believed: it validates DNSSEC and the way to it cannot be tampered with.",
    )
    outstanding: int = key(
        2048,
        "Questions that it may have at one time; the next upstream is asked what is beyond.",
        ge=1,
        le=65535,
        strict=True,
    )
    tls: Annotated[RawUpstreamTls | None, WithJsonSchema(RawUpstreamTls.model_json_schema())] = key(
        None, "Ask over TLS: {name, ca}."
    )

    @model_validator(mode="before")
    @classmethod
    def _with_port(cls, value: Any) -> Any:
        """The address with the port that it has where none is written. Errors are the address's own."""
        if not isinstance(value, dict) or "address" not in value:
            return value
        port = PORT if value.get("tls") is None else TLS_PORT
        try:
            return value | {"address": domain.parse_endpoint(value["address"], default_port=port)}
        except ValueError:
            return value


UPSTREAM_SCHEMA = RawUpstream.model_json_schema()


def _upstream(value: object) -> object:
    return {"address": value} if isinstance(value, str) else value


def _auto(value: object) -> object:
    return None if value == "auto" else value


UpstreamEntry = Annotated[RawUpstream, BeforeValidator(_upstream)]
Upstreams = Annotated[
    tuple[UpstreamEntry, ...] | None,
    BeforeValidator(_auto),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "auto"},
                {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, UPSTREAM_SCHEMA]}},
            ]
        }
    ),
]
