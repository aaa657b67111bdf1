"""``/api/docs``: the calls of the API on one page, made from the OpenAPI document. It has no script and loads
nothing."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from filterd.web.api.routing import PERMISSION

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem;
color:#1b1b1b;background:#fff}
h2{border-top:1px solid #767676;padding-top:.6rem}code,.path{font-family:ui-monospace,monospace}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0}
.method{font-weight:bold}
"""
STYLE_SOURCE = f"'sha256-{b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
"""the source of styles that the page's Content-Security-Policy allows"""
METHODS = ("get", "post", "put", "delete")


def page(document: Mapping[str, Any]) -> str:
    """The page for an OpenAPI document."""
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    calls = "".join(_calls(document))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style></head><body><main><h1>{title}</h1>"
        f"<p>{escape(document['info'].get('description', ''))}</p>"
        '<p>The whole description for programs: <a href="/api/openapi.json">/api/openapi.json</a>.</p>'
        f"{calls}</main></body></html>\n"
    )


def _calls(document: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _call(document, path, method, methods[method])


def _call(document: Mapping[str, Any], path: str, method: str, call: Mapping[str, Any]) -> str:
    rows = "".join([*_parameters(call), *_fields(document, call)])
    table = f"<table><tr><th>field</th><th>in</th><th>meaning</th></tr>{rows}</table>" if rows else ""
    return (
        f'<section><h2><span class="method">{method.upper()}</span> <span class="path">{escape(path)}</span>'
        f"</h2><p>{escape(call.get('description', ''))}</p>"
        f"<p>Takes the permission <code>{escape(call.get(PERMISSION, ''))}</code>.</p>{table}</section>"
    )


def _parameters(call: Mapping[str, Any]) -> Iterator[str]:
    for each in call.get("parameters", ()):
        yield _row(
            each["name"], each["in"], each.get("description", ""), required=each.get("required", False)
        )


def _fields(document: Mapping[str, Any], call: Mapping[str, Any]) -> Iterator[str]:
    """The fields of the request's body, those of objects in it among them."""
    content = call.get("requestBody", {}).get("content", {})
    yield from _of_schema(document, content.get("application/json", {}).get("schema", {}), "")


def _of_schema(document: Mapping[str, Any], schema: Mapping[str, Any], before: str) -> Iterator[str]:
    found = _resolved(document, schema)
    for name, value in found.get("properties", {}).items():
        required = name in found.get("required", ())
        text = value.get("description", "") or _resolved(document, value).get("description", "")
        yield _row(before + name, "body", text, required=required)
        yield from _of_schema(document, value, f"{before}{name}.")


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a reference leads to, or that stands beside null."""
    for each in schema.get("anyOf", ()):
        if each.get("type") != "null":
            return _resolved(document, each)
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _row(name: str, place: str, text: str, *, required: bool) -> str:
    needed = " (required)" if required else ""
    cells = (f"<code>{escape(name)}</code>{needed}", escape(place), escape(text))
    return "<tr>" + "".join(f"<td>{each}</td>" for each in cells) + "</tr>"
