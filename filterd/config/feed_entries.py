"""A feed's definition as text: the entry of ``feeds.yaml`` that would define it, as canonical JSON.

JSON is YAML: the text can be put back into the file as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from filterd.config.policy_documents import read_feed
from filterd.config.policy_values import DocumentValue, Problem
from filterd.policy.adoption import InForce, in_force
from filterd.policy.documents import Feed, Policies


class DefinitionError(ValueError):
    """A text that defines no feed; it is not quoted."""


def entry_of(feed: Feed) -> dict[str, Any]:
    """The entry, with every default written out."""
    guard = feed.guard
    entry: dict[str, Any] = {
        "id": feed.id,
        "source": feed.source,
        "format": feed.format.value,
        "scope": feed.scope.word,
        "refresh": f"{feed.refresh}s",
        "guard": {
            "min_names": guard.min_names,
            "max_shrink": guard.max_shrink,
            "max_grow": guard.max_grow,
        },
    }
    if feed.category is not None:
        entry["category"] = feed.category
    elif feed.mandatory is not None:
        entry["mandatory"] = {
            "authority": feed.mandatory.authority,
            "ground": feed.mandatory.ground,
            "blocking_mode": feed.mandatory.blocking_mode.word,
            "confidential": feed.mandatory.confidential,
        }
    else:
        entry["security"] = {}
    return entry


def definition_of(feed: Feed) -> str:
    """The entry as canonical JSON."""
    return json.dumps(entry_of(feed), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def feed_of(definition: str) -> Feed:
    """The feed that a definition defines. Raises :class:`DefinitionError`."""
    problems: list[Problem] = []
    try:
        found = read_feed(DocumentValue(json.loads(definition), "entry", problems))
    except ValueError as error:
        problems.append(Problem("entry", type(error).__name__))
    if problems:
        message = "the store's record of an adopted feed is damaged"
        raise DefinitionError(message)
    return found


def combined(documents: Policies, adopted: Iterable[str]) -> InForce:
    """The policies in force, of the directory's and the definitions of the feeds in force."""
    return in_force(documents, [feed_of(each) for each in adopted])
