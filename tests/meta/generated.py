"""The documents made from the program itself. A test says when one is stale; UPDATE_DOCS=1 writes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click

from tests.meta import generated_policies

NOTE = "<!-- Generated. UPDATE_DOCS=1 make test PYTEST=tests/meta writes it anew. -->\n"


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each command below, groups left out, with its full name."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from commands(child, f"{path} {name}")


def command_line() -> str:
    """docs/cli.md: the help of every command."""
    from filterd.cli.main import main

    parts = [
        "# The command line\n",
        NOTE,
        "Every command takes `--json`. Exit codes: 0 done, 1 failed, 2 wrong use of the command line or\n"
        "of the configuration. Errors go to standard error and say what to do next. The configuration\n"
        "is `--config`, else the file that `FILTERD_CONFIG` names, else `/etc/filterd/filterd.yaml`.\n",
    ]
    for path, command in commands(main, "filterd"):
        context = click.Context(command, info_name=path, terminal_width=100, max_content_width=100)
        context.help_option_names = ["-h", "--help"]
        parts.append(f"## {path}\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def configuration() -> str:
    """docs/configuration.md: every key of the file with its default."""
    from filterd.config.raw import json_schema

    schema = json_schema()
    parts = [
        "# The configuration file\n",
        NOTE,
        "One YAML file. Every key has a default; unknown keys are errors; all errors are reported at\n"
        "once, by `filterd config check`. SIGHUP reads the file again; one that is wrong is refused and\n"
        "the old one keeps serving.\n",
        "How values are written:\n\n"
        "- a size: `256MiB`, `1GiB`, `500MB`, or a number of bytes;\n"
        "- a duration: `30s`, `15m`, `1h30m`, `1d`, `2w`, or a number of seconds;\n"
        '- an address with a port: `"192.0.2.1:53"`, `"[2001:db8::1]:53"`;\n'
        '- an address prefix: `10.0.0.0/8`, `"2001:db8::/32"`, with no bits set beyond its length;\n'
        "- a path that does not begin with `/` is below the directory of the file.\n\n"
        "No upstream may be one of the resolver's own addresses, and two listeners may not share an\n"
        "address and port.\n",
    ]
    rows: list[str] = []
    for name, value in schema["properties"].items():
        section = _section(schema, value)
        if section is None:
            rows.append(_row(name, value))
            continue
        parts.append(f"## {name}\n\n{section['description']}\n\n{_HEAD}")
        parts[-1] += (
            "\n".join(_row(f"{name}.{key}", item) for key, item in section["properties"].items()) + "\n"
        )
    parts.append(f"## Paths\n\n{_HEAD}" + "\n".join(rows) + "\n")
    return "\n".join(parts)


_HEAD = "| key | default | meaning |\n| --- | --- | --- |\n"


def _section(schema: dict[str, Any], value: dict[str, Any]) -> dict[str, Any] | None:
    reference = value.get("$ref", "")
    found: dict[str, Any] | None = (
        schema["$defs"].get(reference.removeprefix("#/$defs/")) if reference else None
    )
    return found


def _row(key: str, item: dict[str, Any]) -> str:
    default = json.dumps(item.get("default"))
    return f"| `{key}` | `{default}` | {item.get('description', '')} |"


def metrics() -> str:
    """docs/metrics.md: every family of both roles."""
    from filterd.telemetry.metrics import ControlFigures, ResolverFigures, control_metrics, resolver_metrics

    roles = {
        "Resolver": resolver_metrics(ResolverFigures),
        "Control": control_metrics(ControlFigures),
    }
    parts = [
        "# Metrics\n",
        NOTE,
        "The resolver serves its metrics on `metrics.listen` (9353), control on `control.listen` (8080),\n"
        "both under `/metrics`, with `/healthz` (the process lives) and `/readyz` (it can do its work).\n"
        "No label holds a name, a line or an address of a client; a confidential list stands under an\n"
        "opaque id.\n",
    ]
    for role, registry in roles.items():
        parts.append(f"## {role}\n\n| metric | kind | labels | meaning |\n| --- | --- | --- | --- |")
        for family in registry.collect():
            suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
            labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
            parts[-1] += f"\n| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |"
        parts[-1] += "\n"
    return "\n".join(parts)


DOCUMENTS: dict[str, Callable[[], str]] = {
    "docs/cli.md": command_line,
    "docs/configuration.md": configuration,
    "docs/metrics.md": metrics,
    "docs/policies.md": lambda: generated_policies.page(NOTE),
}
