"""Shapes for golden files: the structure of JSON documents and the parameters of commands, no wording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

_FIELD = re.compile(r"[a-z][a-z0-9_]*")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
ANY_KEY = "*"
"""stands for the keys of an object that are data: ids, names, days"""


def shape(documents: Sequence[Any]) -> Any:
    """The one shape of all these JSON documents.

    Scalars become the names of their types (``integer|null``), a list the shape of its elements together, and
    an object its keys in order, with ``?`` behind a key that some lack. Where an object has a key that is no
    identifier, its keys are data and stand as one ``*``. A mixture with objects or lists is an ``anyOf``.
    """
    objects = [each for each in documents if isinstance(each, dict)]
    lists = [each for each in documents if isinstance(each, list)]
    scalars = {_word(each) for each in documents if not isinstance(each, dict | list)}
    found: list[Any] = ["|".join(sorted(scalars))] if scalars else []
    if objects:
        found.append(_object(objects))
    if lists:
        elements = [element for each in lists for element in each]
        found.append([shape(elements)] if elements else [])
    return found[0] if len(found) == 1 else {"anyOf": found}


def _object(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    keys = dict.fromkeys(key for each in objects for key in each)
    if not all(map(_FIELD.fullmatch, keys)):
        return {ANY_KEY: shape([value for each in objects for value in each.values()])}
    return {
        key if all(key in each for each in objects) else f"{key}?": shape(
            [each[key] for each in objects if key in each]
        )
        for key in keys
    }


def _word(value: object) -> str:
    """The name of a scalar's type in JSON; ``time`` for a text that is a time in UTC."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "time" if _TIME.fullmatch(str(value)) else "string"


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Each command below with its words, in the order of the help; groups are left out."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from commands(child, (*path, name))


def parameters(command: click.Command) -> dict[str, str]:
    """The arguments and options of a command -> the type or the choices, ``required`` and ``repeated``."""
    return {_names(each): _kind(each) for each in command.params}


def _names(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.name or ""
    return ", ".join((*parameter.opts, *parameter.secondary_opts))


def _kind(parameter: click.Parameter) -> str:
    kind = parameter.type.name
    if isinstance(parameter.type, click.Choice):
        kind = "|".join(map(str, parameter.type.choices))
    elif isinstance(parameter, click.Option) and parameter.is_flag:
        kind = "flag"
    repeated = parameter.nargs != 1 or (isinstance(parameter, click.Option) and parameter.multiple)
    return kind + " required" * parameter.required + " repeated" * repeated


def text(shaped: Any) -> str:
    """The text of a golden file."""
    return json.dumps(shaped, indent=1, ensure_ascii=False) + "\n"


def lines(entries: Iterable[tuple[str, Any]]) -> str:
    """The text of a golden file that is one object, with a line for each entry."""
    rows = [f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries]
    return "{\n" + ",\n".join(rows) + "\n}\n"
