"""Bodies for every call of the API, made from its description: wrong ones as costly as they may be, and the
largest that may be right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from filterd.web.api.docs_page import METHODS
from filterd.web.api.fields import SLICE
from filterd.web.api.limits import LARGEST_BODY
from filterd.web.api.routing import LARGEST

Schema = dict[str, Any]
JSON = "application/json"
NO_DOCUMENTS = (
    b"[" * 60_000,
    b'{"id":' * 10_000,
    b"1" * 60_000,
    b'"' + b"\\ud800" * 10_000 + b'"',
    b"{" + b'"id":"a",' * 6_000 + b'"id":"b"',
    b"\xff" * 60_000,
    b"NaN",
    b"",
    b"null",
    b"[]",
    b"0",
)
"""contents that are refused as no JSON, or as no object"""
MANY_PARTS = (
    b'{"names":[' + b"[]," * 200_000 + b"[]]}",
    b'{"a":' * 60_000,
    b'{"a":0,"b":0,' * 60_000,
)
"""documents of more arrays, objects and fields than are parsed"""


def calls_with_body(document: Schema) -> list[tuple[str, str, int, Schema]]:
    """Method, path, largest body in bytes and resolved schema of each call of an OpenAPI document that takes
    a JSON body."""
    return [
        (method, path, call.get(LARGEST, LARGEST_BODY), resolved(_schema_of(call), document))
        for path, calls in document["paths"].items()
        for method, call in calls.items()
        if method in METHODS and JSON in call.get("requestBody", {}).get("content", {})
    ]


def _schema_of(call: Schema) -> Schema:
    found: Schema = call["requestBody"]["content"][JSON]["schema"]
    return found


def resolved(schema: Any, document: Schema) -> Any:
    """A schema with what its references lead to."""
    if isinstance(schema, list):
        return [resolved(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return resolved(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]], document)
    return {name: resolved(each, document) for name, each in schema.items()}


def objects_of(schema: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every object with fields of a schema, with its place."""
    for each in [schema, *schema.get("anyOf", ())]:
        if "properties" in each:
            yield place, each
            for name, inner in each["properties"].items():
                yield from objects_of(inner, (*place, name))


def arrays_of(schema: Schema) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Every array of a schema, with its place."""
    for place, found in objects_of(schema):
        for name, inner in found["properties"].items():
            for each in [inner, *inner.get("anyOf", ())]:
                if each.get("type") == "array":
                    yield (*place, name), each


def _at(place: tuple[str, ...], value: object) -> object:
    for name in reversed(place):
        value = {name: value}
    return value


def hostile_bodies(schema: Schema, largest: int) -> Iterator[object]:
    """Bodies that are wrong, and as large as they may be."""
    for place, _ in arrays_of(schema):
        yield _at(place, [0] * (largest // 3 - 100))
        yield _at(place, ["a." * 20] * (largest // 50))
        yield _at(place, [{}] * SLICE)
        yield _at(place, [[]] * (largest // 4 - 100))
    for place, found in objects_of(schema):
        yield _at(place, {f"x{number}": 0 for number in range(largest // 12)})
        yield _at(place, {"x" * (largest - 1000): 0})
        yield _at(place, dict.fromkeys(found["properties"], "a" * (largest // 40)))
        yield _at(place, {name: {} for name in found["properties"]})
