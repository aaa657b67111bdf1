"""The keys in the JSON schema of the configuration file, for whoever writes documents of them: those of lists
and of sections that may be absent stand in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_FORMATS = {"path": "path", "ipv4": "IPv4 address", "ipv6": "IPv6 address"}
_EXAMPLES = {
    "127.0.0.1:5300": "address and port",
    "10.0.0.0/8": "prefix",
    "192.0.2.0/24": "IPv4 prefix",
    "2001:db8::/40": "IPv6 prefix",
    "64:ff9b::/96": "IPv6 prefix",
    "192.0.2.53": "address",
    "1h30m": "duration",
    "256MiB": "size",
    "http://192.0.2.10:3128": "URL",
}
"""the first example of a text, and the word for its form"""
_MANY = {
    "address": "addresses",
    "address and port": "addresses with ports",
    "IPv6 prefix": "IPv6 prefixes",
    "prefix": "prefixes",
    "section": "sections",
}
_PLAIN = {"boolean": "true or false", "string": "text", "array": "list"}


def section(schema: Schema, value: Schema) -> Schema | None:
    """The definition that a value refers to; None: it refers to none."""
    reference = value.get("$ref", "")
    found: Schema | None = schema["$defs"].get(reference.removeprefix("#/$defs/")) if reference else None
    return found


def keys(schema: Schema, of: Schema, prefix: str) -> Iterator[tuple[str, Schema, bool]]:
    """Each key of a section with its schema, and true if it must be given. A section that is always there
    stands for its own keys; the keys of a list's sections have ``[]`` behind the name of the list."""
    for key, item in of["properties"].items():
        name = f"{prefix}.{key}" if prefix else key
        inner = section(schema, item)
        if inner is not None and "properties" in inner:
            yield from keys(schema, inner, name)
            continue
        yield name, inner | item if inner else item, key in of.get("required", ())
        yield from below(schema, item, name)


def below(schema: Schema, item: Schema, name: str) -> Iterator[tuple[str, Schema, bool]]:
    """The keys of the sections that a value may be, or may be a list of."""
    choices = item.get("anyOf", ())
    for each in choices:
        yield from _inside(schema, each, name)
    if "items" in item:
        yield from _inside(schema, item["items"], f"{name}[]")
    elif not choices and "properties" in item:
        yield from keys(schema, item, name)


def _inside(schema: Schema, item: Schema, name: str) -> Iterator[tuple[str, Schema, bool]]:
    inner = section(schema, item) or item
    if "properties" in inner:
        yield from keys(schema, inner, name)
    else:
        yield from below(schema, inner, name)


def form(item: Schema) -> str:
    """The words for what a value is: ``1 to 62``, ``list of prefix``, ```event` or `sent```."""
    for example in item.get("examples", ())[:1]:
        if example in _EXAMPLES:
            return _EXAMPLES[example]
    if "enum" in item:
        return " or ".join(f"`{each}`" for each in item["enum"])
    if "const" in item:
        return f"`{item['const']}`"
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(form(each) for each in item["anyOf"] if each.get("type") != "null"))
    if item.get("type") == "integer":
        return f"{item.get('minimum', 0)} to {item['maximum']}" if "maximum" in item else "number"
    if item.get("type") == "array":
        entry = form(item.get("items", {}))
        return f"list of {_MANY.get(entry, entry)}"
    return _FORMATS.get(item.get("format", ""), _PLAIN.get(item.get("type", ""), "section"))
