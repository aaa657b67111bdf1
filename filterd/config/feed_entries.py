"""A feed's definition as text: the entry of ``feeds.yaml`` that would define it, as canonical JSON.

JSON is YAML: the text can be put back into the file as it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from filterd.config.feed_documents import read_feed
from filterd.config.policy_values import DocumentValue, Problem
from filterd.policy.adoption import InForce, in_force
from filterd.policy.documents import Feed, Policies
from filterd.policy.feed_documents import STALE_AFTER, BasicLogin, CertificateLogin, Guard, Login


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
    entry["guard"].update(_changed(guard, ("max_exchange", "max_week_shrink", "private_suffixes")))
    if feed.category is not None:
        entry["category"] = feed.category
    elif feed.mandatory is not None:
        entry["mandatory"] = {
            "authority": feed.mandatory.authority,
            "ground": feed.mandatory.ground,
            "blocking_mode": feed.mandatory.blocking_mode.word,
            "confidential": feed.mandatory.confidential,
        }
    elif feed.bypass is not None:
        entry["bypass"] = feed.bypass
    else:
        entry["security"] = {}
    return entry | _arrival_of(feed)


def _changed(guard: Guard, keys: Iterable[str]) -> dict[str, Any]:
    """These keys, those that are not as they are by default: earlier versions do not know them."""
    default = Guard()
    return {key: getattr(guard, key) for key in keys if getattr(guard, key) != getattr(default, key)}


def _arrival_of(feed: Feed) -> dict[str, Any]:
    """The keys that say how the list arrives, those that are set."""
    keys = {
        "stale_after": "" if feed.stale_after == STALE_AFTER else f"{feed.stale_after}s",
        "part": feed.part,
        "observe": feed.observe,
        "mirrors": list(feed.mirrors),
        "signature": None if feed.signature is None else {"public_key": feed.signature.public_key},
        "pins": list(feed.pins),
        "login": None if feed.login is None else _login_of(feed.login),
        "ca": feed.ca,
    }
    return {key: value for key, value in keys.items() if value}


def _login_of(login: Login) -> dict[str, Any]:
    if isinstance(login, BasicLogin):
        return {"basic": {"user": login.user, "password_file": login.password_file}}
    if isinstance(login, CertificateLogin):
        return {"certificate": {"file": login.file, "key_file": login.key_file}}
    return {"header": {"name": login.name, "value_file": login.value_file}}


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
