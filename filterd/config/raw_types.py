"""The types that the sections of the configuration file are made of, each with its reader and its schema.

The readers themselves stand in :mod:`filterd.config.domain`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from filterd.config import domain
from filterd.config.settings import MOST_THREADS

Size = Annotated[
    domain.Bytes,
    BeforeValidator(domain.parse_size),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["256MiB"]}
    ),
]
Duration = Annotated[
    domain.Seconds,
    BeforeValidator(domain.parse_duration),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["1h30m"]}),
]
Listener = Annotated[
    domain.Endpoint,
    PlainValidator(domain.parse_endpoint),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:5300", "[::1]:5300"]}),
]
NodeName = Annotated[
    domain.NodeName,
    PlainValidator(domain.parse_node_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"}),
]
Identity = Annotated[
    domain.NodeName | Literal["auto", "hidden"],
    PlainValidator(domain.parse_identity),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"}),
]
StoreUrl = Annotated[
    domain.StoreUrl,
    PlainValidator(domain.parse_store_url),
    WithJsonSchema({"type": "string", "pattern": "^sqlite:////"}),
]
Zone = Annotated[
    domain.ZoneName,
    PlainValidator(domain.parse_zone),
    WithJsonSchema({"type": "string", "examples": [domain.DEFAULT_ZONE, "UTC"]}),
]
Network = Annotated[
    domain.IPNetwork,
    PlainValidator(domain.parse_network),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8", "2001:db8::/32"]}),
]
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


def _none_for_auto(value: object) -> object:
    return None if value == "auto" else value


Auto = BeforeValidator(_none_for_auto)
"""reads ``auto`` as None; what it means depends on the machine (``config.load``)"""

Threads = Annotated[
    Annotated[int, Field(strict=True, ge=1, le=MOST_THREADS)] | None,
    Auto,
    WithJsonSchema(
        {"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": MOST_THREADS}]}
    ),
]


def key(default: object, description: str, **limits: Any) -> Any:
    """A key of the file. The default is in the form in which the operator would write it."""
    return Field(default, description=description, **limits)


class SchemaOfSections(GenerateJsonSchema):
    """Makes the JSON schema that operators see: sections stand in it without our ``Raw``."""

    def normalize_name(self, name: str) -> str:
        """The key of a section under ``$defs``."""
        return super().normalize_name(name).removeprefix("Raw")


class Section(BaseModel):
    """A mapping of the file. Unknown keys are errors; defaults are read like written values."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        model_title_generator=lambda section: section.__name__.removeprefix("Raw"),
    )
