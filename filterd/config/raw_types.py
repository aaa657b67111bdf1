"""The types that the sections of the configuration file are made of, each with its reader and its schema.

The readers themselves stand in :mod:`filterd.config.value_types`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from filterd.config import value_types
from filterd.config.settings import MOST_THREADS

Size = Annotated[
    value_types.Bytes,
    BeforeValidator(value_types.parse_size),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["256MiB"]}
    ),
]
Duration = Annotated[
    value_types.Seconds,
    BeforeValidator(value_types.parse_duration),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}], "examples": ["1h30m"]}),
]
Listener = Annotated[
    value_types.Endpoint,
    PlainValidator(value_types.parse_endpoint),
    WithJsonSchema({"type": "string", "examples": ["127.0.0.1:5300", "[::1]:5300"]}),
]
NodeName = Annotated[
    value_types.NodeName,
    PlainValidator(value_types.parse_node_name),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"}),
]
Identity = Annotated[
    value_types.NodeName | Literal["auto", "hidden"],
    PlainValidator(value_types.parse_identity),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$"}),
]
StoreUrl = Annotated[
    value_types.StoreUrl,
    PlainValidator(value_types.parse_store_url),
    WithJsonSchema({"type": "string", "pattern": "^sqlite:////"}),
]
Zone = Annotated[
    value_types.ZoneName,
    PlainValidator(value_types.parse_zone),
    WithJsonSchema({"type": "string", "examples": [value_types.DEFAULT_ZONE, "UTC"]}),
]
Country = Annotated[
    value_types.CountryCode,
    PlainValidator(value_types.parse_country),
    WithJsonSchema({"type": "string", "pattern": "^[a-z]{2}$", "examples": [value_types.HOME, "it"]}),
]
Network = Annotated[
    value_types.IPNetwork,
    PlainValidator(value_types.parse_network),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8", "2001:db8::/32"]}),
]
Network4 = Annotated[
    IPv4Network,
    PlainValidator(value_types.parse_network4),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.0/24"]}),
]
Network6 = Annotated[
    IPv6Network,
    PlainValidator(value_types.parse_network6),
    WithJsonSchema({"type": "string", "examples": ["2001:db8::/40"]}),
]
AttributeName = Annotated[
    value_types.AttributeName,
    PlainValidator(value_types.parse_attribute),
    WithJsonSchema({"type": "string", "examples": [*value_types.LINE_ATTRIBUTES, "14988:10"]}),
]
Timestamps = Literal["event", "sent"]
Normalization = Literal["realm", "case", "mac"]
LeaseFormat = Literal["kea", "dnsmasq", "isc"]
LeaseValue = Literal["hw-address", "client-id", "duid", "hostname", "circuit-id", "remote-id"]
PortOrder = Literal["sequential", "interleaved"]
Nat64Prefix = Annotated[
    IPv6Network,
    PlainValidator(value_types.parse_nat64_prefix),
    WithJsonSchema({"type": "string", "examples": ["64:ff9b::/96", "64:ff9b:1::/48"]}),
]
UpstreamAddress = Annotated[
    value_types.Endpoint,
    PlainValidator(
        lambda value: value if isinstance(value, value_types.Endpoint) else value_types.parse_endpoint(value)
    ),
    WithJsonSchema({"type": "string", "examples": ["192.0.2.53", "192.0.2.53:53", "[2001:db8::53]:53"]}),
]
TlsName = Annotated[
    value_types.TlsName,
    PlainValidator(value_types.parse_tls_name),
    WithJsonSchema({"type": "string", "examples": ["dns.example", "192.0.2.53"]}),
]


CanaryZone = Annotated[
    value_types.CanaryZone,
    PlainValidator(value_types.parse_canary_zone),
    WithJsonSchema({"type": "string", "examples": ["canary.isp.example"]}),
]
ProxyUrl = Annotated[
    str,
    PlainValidator(value_types.parse_proxy),
    WithJsonSchema({"type": "string", "examples": ["http://192.0.2.10:3128", "http://proxy.example:3128"]}),
]
PublicUrl = Annotated[
    str,
    PlainValidator(value_types.parse_public_url),
    WithJsonSchema({"type": "string", "examples": ["https://api.isp.example"]}),
]


@dataclass(frozen=True, slots=True)
class SchemaWhenAsked:
    """The JSON schema of a type, made only when somebody asks for it: commands that read a file need none."""

    make: Callable[[], dict[str, Any]]

    def __get_pydantic_json_schema__(self, _schema: object, _handler: object) -> dict[str, Any]:
        return self.make()


def _path(value: object) -> object:
    if isinstance(value, Path) or (isinstance(value, str) and value.strip()):
        return value
    msg = f"no path: {value!r} (write the name of a file or directory, or leave the key out)"
    raise ValueError(msg)


FilePath = Annotated[Path, BeforeValidator(_path)]
"""a file or directory; an empty text would be the file's own directory"""


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
        defer_build=True,  # the whole is built once, when a file is read; not each section by itself too
        extra="forbid",
        frozen=True,
        validate_default=True,
        model_title_generator=lambda section: section.__name__.removeprefix("Raw"),
    )
