"""Frozen dataclasses to plain JSON values and back, by their annotations; for settings and little else.

Knows dataclasses, tuples, optionals, enums, paths, addresses, networks and endpoints. Decoding trusts its
writer as far as types go: what does not fit raises ValueError or TypeError, never gives a half-made value.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, NewType, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from filterd.config.value_types import Endpoint, IPNetwork, parse_endpoint

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_AS_TEXT = (Path, IPv4Address, IPv6Address, IPv4Network, IPv6Network, Endpoint)


def encode(value: object) -> Json:
    """Plain values: objects, arrays, strings, numbers, booleans, null."""
    if isinstance(value, _AS_TEXT):
        return str(value)
    if isinstance(value, Enum):
        return cast("Json", value.value)
    if is_dataclass(value):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    msg = f"cannot write {type(value).__name__} as JSON"
    raise TypeError(msg)


def decode(kind: type[T], value: Any) -> T:
    """The value of the given dataclass that :func:`encode` wrote. Raises ValueError where it does not fit."""
    return cast("T", _decode(kind, value))


def _decode(kind: Any, value: Any) -> Any:
    if isinstance(kind, NewType):
        return _decode(kind.__supertype__, value)
    if is_dataclass(kind) and kind is not Endpoint:
        return _decode_fields(cast("type", kind), value)
    origin = get_origin(kind)
    if kind == IPNetwork:
        return ip_network(value)
    if origin in (Union, UnionType):
        return _decode_optional(kind, value)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], item) for item in value)
    return _decode_scalar(kind, value)


def _decode_fields(kind: type, value: Any) -> Any:
    hints = _hints(kind)
    if not isinstance(value, dict) or value.keys() != hints.keys():
        msg = f"not the fields of {kind.__name__}"
        raise ValueError(msg)
    return kind(**{name: _decode(hint, value[name]) for name, hint in hints.items()})


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_optional(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    (inner,) = (part for part in get_args(kind) if part is not NoneType)
    return _decode(inner, value)


def _decode_scalar(kind: Any, value: Any) -> Any:
    if kind is Endpoint:
        return parse_endpoint(value)
    if kind in (bool, int, str):
        if type(value) is not kind:
            msg = f"expected {kind.__name__}, got {value!r}"
            raise ValueError(msg)
        return value
    return kind(value)
