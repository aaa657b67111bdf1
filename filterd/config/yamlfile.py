"""Reads one YAML file strictly, so that nothing written is taken for something else.

A key that stands twice is an error; neither value wins. Plain words are texts, but for ``true`` and
``false``, decimal numbers and null: ``no`` is Norway, ``21:00`` a time, ``010`` and ``1_000`` are no numbers,
where YAML 1.1 reads a flag, 1260, 8 and 1000. A written null is kept apart from a key that is left out
(:class:`Nothing`).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_TAG = "tag:yaml.org,2002:"
_WORDS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    "merge": (r"<<", "<"),
    "null": (r"~|null|Null|NULL|", ("~", "n", "N", "")),
}
"""the plain words that are no texts (the core schema of YAML 1.2, without octal and hexadecimal numbers), and
the characters that each can begin with"""
NULL_IS_A_WORD = frozenset({"blocking_mode"})
"""keys of which ``null`` is one of the values"""


MOST_REPEATED = 10_000
"""values that the aliases of a file may stand for: a few lines of aliases of aliases stand for millions"""


class YamlError(Exception):
    """A file that cannot be read as YAML; ``errors`` has one message each, with its line where known."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Nothing:
    """Written where a value belongs: ``key:`` with nothing behind it, ``~`` or ``null``."""

    text: str = ""
    """as it stands in the file"""

    def __str__(self) -> str:
        """As it stands in the file."""
        return self.text

    @property
    def complaint(self) -> str:
        """The error of a key for which this is no value."""
        said = f" (it says {self.text})" if self.text else ""
        return f"has no value{said}: write one, or leave the key out ([] is an empty list)"


class _Strict(yaml.constructor.SafeConstructor):
    """The part of both loaders that makes values, and collects the keys that stand twice."""

    def __init__(self) -> None:
        super().__init__()
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the safe constructor does, noting each key seen before."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                line = key_node.start_mark.line + 1
                self.duplicates.append(f"line {line}: the key {key!r} stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


class _Words(yaml.resolver.Resolver):
    """The resolver of the plain words above, and no others."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


class _PlainLoader(
    yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Strict, _Words
):
    """The loader that explains what is wrong."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        _Strict.__init__(self)
        _Words.__init__(self)


_APART = {"\t", "\ufeff"}
"""characters that libyaml takes where the plain loader does not: a text with one is the plain loader's"""
_LOADERS: list[type[Any]] = [_PlainLoader]
"""in the order in which they are tried; the last one's word counts"""
if yaml.__with_libyaml__:
    from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs leave it out

    class _QuickLoader(CParser, _Strict, _Words):
        """The loader on libyaml, about ten times as fast, for files that are right."""

        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            _Strict.__init__(self)
            _Words.__init__(self)

    _LOADERS.insert(0, _QuickLoader)

for _kind, (_pattern, _first) in _WORDS.items():
    _Words.add_implicit_resolver(_TAG + _kind, re.compile(f"(?:{_pattern})$"), list(_first))
_Strict.add_constructor(_TAG + "null", lambda _, node: Nothing(node.value))


def read_yaml(path: Path) -> Any:
    """The file's value, None for an empty one; written nulls in it are :class:`Nothing`. Raises YamlError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError((f"cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise YamlError((f"is not UTF-8: byte {error.start}",)) from error
    return parse_yaml(text)


def parse_yaml(text: str) -> Any:
    """The text's value, as :func:`read_yaml` has it. Raises YamlError."""
    for loader in () if _APART & set(text) else _LOADERS[:-1]:
        try:
            return _value(loader(text), text)
        except (yaml.YAMLError, YamlError, ValueError, RecursionError):
            continue  # the next one says what is wrong
    try:
        return _value(_LOADERS[-1](text), text)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YamlError((f"{where}is not YAML: {error.problem or error.context}",)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a scalar that looks like a date and is none
        raise YamlError((f"is not YAML: {error}",)) from error


def _value(loader: Any, text: str) -> Any:
    """The value that a loader makes of the text; YamlError where keys stand twice, or aliases multiply."""
    try:
        node = loader.get_single_node()
        if node is not None and "*" in text:  # without one there is no alias
            _require_few_repetitions(node)
        value = None if node is None else loader.construct_document(node)
        settle(value)  # ends in RecursionError where a value holds itself
    finally:
        loader.dispose()
    if loader.duplicates:
        raise YamlError(tuple(loader.duplicates))
    return None if value == Nothing() else value


def _require_few_repetitions(root: yaml.Node) -> None:
    """Raise YamlError where aliases stand for more than MOST_REPEATED values. Raises RecursionError where a
    value holds itself."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node) -> int:
        """The values that the node stands for, counted once for each alias of it."""
        known = sizes.get(id(node))
        if known is None:
            pairs = isinstance(node, yaml.MappingNode)
            inner = itertools.chain.from_iterable(node.value) if pairs else node.value
            scalar = isinstance(node, yaml.ScalarNode)
            known = sizes[id(node)] = 1 if scalar else 1 + sum(map(size, inner))
        return known

    if size(root) - len(sizes) > MOST_REPEATED:
        message = f"its aliases (*) stand for more than {MOST_REPEATED:,} values: write them out"
        raise YamlError((message,))


Location = tuple[Any, ...]
"""the keys and indexes that lead to a value"""


def settle(value: Any, at: Location = ()) -> tuple[Any, dict[Location, Nothing]]:
    """The value with None in place of each Nothing, and these by their location: each is an error.

    ``null`` stays a word where it is one of a key's values.
    """
    if isinstance(value, Nothing):
        if at and at[-1] in NULL_IS_A_WORD and value.text.lower() == "null":
            return "null", {}
        return None, {at: value}
    found: dict[Location, Nothing] = {}

    def part(step: Any, item: Any) -> Any:
        settled, more = settle(item, (*at, step))
        found.update(more)
        return settled

    if isinstance(value, dict):
        return {key: part(key, item) for key, item in value.items()}, found
    if isinstance(value, list):
        return [part(index, item) for index, item in enumerate(value)], found
    return value, found


def dotted(at: Location) -> str:
    """``("dns", "upstreams", 0)`` as ``.dns.upstreams[0]``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
