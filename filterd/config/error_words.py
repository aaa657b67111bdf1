"""Says in the operator's words what the schema finds wrong with a value: what to write there instead.

The schema's own messages speak of tuples and models, which no configuration file has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from filterd.config import raw

QUOTED = 40
"""characters of a value that are quoted"""

Words = Callable[[Any, Mapping[str, Any]], str]
"""makes the message of the value in the file and of the context that the schema gives"""


def words(kind: str, value: object, context: Mapping[str, Any]) -> str:
    """The message for an error of the schema's type ``kind``."""
    found = _WORDS.get(kind)
    if found is None:
        return f"{_quoted(value)} cannot stand here; filterd config schema says what can"
    return found(value, context)


def _quoted(value: object) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 3]}..."


def _list(value: Any, context: Mapping[str, Any]) -> str:
    del context
    if isinstance(value, str | int | float):
        return f"write a list: [{_quoted(value)}]"
    return f"write a list, such as [first, second], not {_quoted(value)}"


def _mapping(value: Any, context: Mapping[str, Any]) -> str:
    section = getattr(raw, str(context.get("class_name")), None)
    keys = ", ".join(section.model_fields) if section is not None else "key: value"
    return f"write keys with values, not {_quoted(value)}; the keys: {keys}"


def _instead(what: str) -> Words:
    return lambda value, context: f"write {what}, not {_quoted(value)}"


def _at_least(value: Any, context: Mapping[str, Any]) -> str:
    return f"write at least {context['ge']}, not {_quoted(value)}"


def _at_most(value: Any, context: Mapping[str, Any]) -> str:
    return f"write at most {context['le']}, not {_quoted(value)}"


def _too_long(value: Any, context: Mapping[str, Any]) -> str:
    return f"write at most {context['max_length']} entries, not {len(value)}"


def _choice(value: Any, context: Mapping[str, Any]) -> str:
    choices = str(context["expected"]).replace("'", "")
    return f"write {choices}, not {_quoted(value)}"


_NUMBER = _instead("a whole number")
_BOOLEAN = _instead("true or false")
_WORDS: dict[str, Words] = {
    "missing": lambda value, context: "is missing; write it",
    "tuple_type": _list,
    "too_short": lambda value, context: "is empty; write at least one entry",
    "too_long": _too_long,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "dict_type": _mapping,
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": _NUMBER,
    "int_from_float": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _BOOLEAN,
    "bool_parsing": _BOOLEAN,
    "greater_than_equal": _at_least,
    "less_than_equal": _at_most,
    "literal_error": _choice,
    "string_type": _instead("a text"),
    "string_too_short": lambda value, context: "is empty; write a text",
    "string_too_long": lambda value, context: f"write at most {context['max_length']} characters",
    "string_pattern_mismatch": _instead("a text of one line"),
    "enum": _choice,
    "invalid_key": lambda value, context: f"{_quoted(value)} is no key: write a word",
    "ip_v4_address": _instead("an IPv4 address, such as 192.0.2.80"),
    "ip_v6_address": _instead("an IPv6 address, such as 2001:db8::80"),
}
"""the schema's type of error -> our words; a test walks every key of the schema with wrong values"""
