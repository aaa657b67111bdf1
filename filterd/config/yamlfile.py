"""Reads one YAML file strictly: a key that stands twice is an error; neither value wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


class YamlError(Exception):
    """A file that cannot be read as YAML; ``errors`` has one message each, with its line where known."""

    def __init__(self, errors: tuple[str, ...]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class _StrictLoader(yaml.SafeLoader):
    """The safe loader, collecting the keys that stand twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.duplicates: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As the safe loader does, noting each key seen before."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                line = key_node.start_mark.line + 1
                self.duplicates.append(f"line {line}: the key {key!r} stands twice")
            seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """The file's value, None for an empty one. Raises YamlError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise YamlError((f"cannot be read: {error.strerror}",)) from error
    except UnicodeDecodeError as error:
        raise YamlError((f"is not UTF-8: byte {error.start}",)) from error
    return parse_yaml(text)


def parse_yaml(text: str) -> Any:
    """The text's value. Raises YamlError."""
    try:
        loader = _StrictLoader(text)
        try:
            value = loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise YamlError((f"{where}is not YAML: {error.problem or error.context}",)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a scalar that looks like a date and is none
        raise YamlError((f"is not YAML: {error}",)) from error
    if loader.duplicates:
        raise YamlError(tuple(loader.duplicates))
    return value
