"""Walks the plain values of a policy document: every problem is noted with its path, and reading goes on.

A :class:`DocumentValue` is a value and its path. Its readers return the value asked for, or note a problem
and return a harmless stand-in; the caller that began the walk looks at the problems at its end.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_network
from typing import Any, TypeVar

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import NameRule, Scope
from filterd.policy.documents import Network, Text

E = TypeVar("E", bound=Enum)
T = TypeVar("T")

_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_NAME = re.compile(
    r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_DURATION = re.compile(r"(\d+)(s|m|h|d|w)")
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a document: ``feeds.yaml[3].category``, and what."""

    path: str
    message: str

    @property
    def document(self) -> str:
        """The file, or the directory, that it is in."""
        at = self.path.find(".yaml")
        return self.path if at < 0 else self.path[: at + len(".yaml")]

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class DocumentValue:
    """A value of a document, its path, and the list that problems go to."""

    value: Any
    path: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, message: str) -> None:
        """Note a problem here."""
        self.problems.append(Problem(self.path, message))

    def missing(self) -> bool:
        """Return whether nothing stands here."""
        return self.value is None

    def keys(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, DocumentValue]:
        """A mapping's values, one for every key that is allowed; unknown and missing keys are problems."""
        required, optional = tuple(required), tuple(optional)
        value = self.value
        if not isinstance(value, dict):
            self.wrong("must be a mapping with " + ", ".join(required))
            value = dict.fromkeys(required)
        else:
            for key in value:
                if key not in required and key not in optional:
                    self._at(f".{key}", None).wrong("unknown key")
            for key in required:
                if value.get(key) is None:
                    self._at(f".{key}", None).wrong("is missing")
        return {key: self._at(f".{key}", value.get(key)) for key in (*required, *optional)}

    def pairs(self) -> list[tuple[str, DocumentValue]]:
        """A mapping whose keys are free."""
        if self.value is None:
            return []
        if not isinstance(self.value, dict):
            self.wrong("must be a mapping")
            return []
        return [(str(key), self._at(f".{key}", value)) for key, value in self.value.items()]

    def items(self) -> list[DocumentValue]:
        """The items of a list; nothing where nothing stands."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            self.wrong("must be a list")
            return []
        return [self._at(f"[{index}]", item) for index, item in enumerate(self.value)]

    def string(self) -> str:
        """A text that is not empty."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value.strip()
        if self.value is not None:
            self.wrong("must be a text")
        return ""

    def text(self) -> Text:
        """A text in both languages."""
        if self.value is None:
            return Text("", "")
        languages = self.keys(("es", "en"))
        return Text(languages["es"].string(), languages["en"].string())

    def id(self) -> str:
        """An id: lower-case letters, digits and hyphens."""
        if isinstance(self.value, str) and _ID.fullmatch(self.value):
            return self.value
        if self.value is not None:
            self.wrong(f"{self.value!r} is no id (lower-case letters, digits and hyphens, at most 40)")
        return ""

    def ids(self) -> tuple[str, ...]:
        """A list of different ids."""
        return self.different(tuple(item.id() for item in self.items()))

    def different(self, found: tuple[T, ...]) -> tuple[T, ...]:
        """The values, noting each that stands twice."""
        for each, times in Counter(found).items():
            if times > 1:
                self.wrong(f"{each} stands twice")
        return found

    def flag(self, default: bool = False) -> bool:
        """True or false; ``yes`` and ``on``, ``no`` and ``off`` say the same."""
        if self.value is None:
            return default
        said = _FLAGS.get(str(self.value).lower()) if isinstance(self.value, bool | str) else None
        if said is None:
            self.wrong("must be true or false")
            return default
        return said

    def whole(self, default: int, least: int = 0, most: int = 2**31) -> int:
        """A whole number within bounds."""
        if self.value is None:
            return default
        if type(self.value) is not int:
            self.wrong(f"{self.value!r} is no whole number (write 1000)")
            return default
        return int(self.number(default, least, most))

    def number(self, default: float, least: float, most: float) -> float:
        """A number within bounds."""
        if self.value is None:
            return default
        if type(self.value) not in (int, float):
            self.wrong(f"{self.value!r} is no number (write 0.5)")
            return default
        if not least <= self.value <= most:
            self.wrong(f"must be between {least:g} and {most:g}")
            return default
        return float(self.value)

    def seconds(self, default: int) -> int:
        """A duration: ``90s``, ``15m``, ``6h``, ``1d``, ``2w``."""
        if self.value is None:
            return default
        match = _DURATION.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None or int(match[1]) == 0:
            self.wrong(f"{self.value!r} is no duration (write 15m, 6h, 1d)")
            return default
        return int(match[1]) * _UNITS[match[2]]

    def choice(self, kind: type[E], default: E, word: Callable[[E], str]) -> E:
        """One of a closed set, by its word."""
        if self.value is None:
            return default
        words = {word(member): member for member in kind}
        if not isinstance(self.value, str) or self.value not in words:
            self.wrong(f"{self.value!r} is none of {', '.join(words)}")
            return default
        return words[self.value]

    def blocking_mode(self) -> BlockingMode:
        """The answer to a blocked client; NXDOMAIN where nothing stands."""
        return self.choice(BlockingMode, BlockingMode.NXDOMAIN, lambda mode: mode.word)

    def name(self) -> str:
        """A domain name in the policy's form."""
        if isinstance(self.value, str) and _NAME.fullmatch(self.value):
            return self.value
        if self.value is not None:
            self.wrong(f"{self.value!r} is no domain name (lower-case, ASCII, without the final dot)")
        return ""

    def names(self) -> tuple[NameRule, ...]:
        """Names by scope: ``{exact: [...], subtree: [...], below: [...]}``."""
        if self.value is None:
            return ()
        by_scope = self.keys((), [scope.word for scope in Scope])
        found = tuple(
            NameRule(name, scope)
            for scope in Scope
            for item in by_scope[scope.word].items()
            if (name := item.name())
        )
        self.different(tuple(f"{rule.name} ({rule.scope.word})" for rule in found))
        return found

    def networks(self) -> tuple[Network, ...]:
        """A list of address prefixes; a single address is one of full length."""
        return tuple(network for item in self.items() if (network := item.network()) is not None)

    def network(self) -> Network | None:
        """One address prefix."""
        try:
            if not isinstance(self.value, str):
                raise ValueError
            return ip_network(self.value)
        except ValueError:
            self.wrong(f"{self.value!r} is no address prefix (write 192.0.2.0/24 or 2001:db8::/32)")
            return None

    def _at(self, step: str, value: object) -> DocumentValue:
        return DocumentValue(value, self.path + step, self.problems)
