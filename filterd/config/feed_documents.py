"""Reads an entry of feeds.yaml: plain values become ``policy.documents.Feed``. Problems go to the list of the
value; the result is whole only if there are none."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import urlsplit

from filterd.config.policy_values import DocumentValue
from filterd.model.rule import Scope
from filterd.policy.documents import Feed, Format, MandatoryTerms
from filterd.policy.feed_documents import (
    HTTPS,
    STALE_AFTER,
    BasicLogin,
    CertificateLogin,
    Guard,
    HeaderLogin,
    Login,
    Signature,
    is_remote,
)

USES = ("category", "mandatory", "security", "bypass")
ARRIVAL = ("mirrors", "signature", "pins", "login", "ca")
OPTIONAL = (*USES, *ARRIVAL, "scope", "refresh", "stale_after", "guard", "part", "observe")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_PART = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PUBLIC_KEY_SIZE = 42
_PIN_SIZE = 32


def read_feed(found: DocumentValue) -> Feed:
    """An item of feeds.yaml."""
    keys = found.keys(("id", "source", "format"), OPTIONAL)
    if sum(not keys[use].missing() for use in USES) != 1:
        found.wrong("must have exactly one of category, mandatory, security, bypass")
    form = keys["format"].choice(Format, Format.DOMAINS, lambda each: each.value)
    feed = Feed(
        id=keys["id"].id(),
        source=_address(keys["source"]),
        format=form,
        scope=keys["scope"].choice(Scope, form.default_scope, lambda scope: scope.word),
        category=None if keys["category"].missing() else keys["category"].id(),
        mandatory=_mandatory(keys["mandatory"]),
        security=_security(keys["security"]),
        refresh=keys["refresh"].seconds(86400),
        guard=_guard(keys["guard"]),
        part=_part(keys["part"]),
        stale_after=keys["stale_after"].seconds(STALE_AFTER),
        observe=keys["observe"].flag(),
        mirrors=tuple(_address(each) for each in keys["mirrors"].items()),
        signature=_signature(keys["signature"]),
        pins=tuple(_pin(each) for each in keys["pins"].items()),
        login=_login(keys["login"]),
        ca=keys["ca"].string(),
        bypass=None if keys["bypass"].missing() else keys["bypass"].id(),
    )
    _require_sense(found, keys, feed)
    return feed


def _require_sense(found: DocumentValue, keys: dict[str, DocumentValue], feed: Feed) -> None:
    """Note what each key alone does not show."""
    if not feed.remote:
        for key in ("mirrors", "pins", "login", "ca"):
            if not keys[key].missing():
                keys[key].wrong("is for a source that is fetched (https://)")
    elif feed.mandatory is not None and feed.signature is None:
        found.wrong("a mandatory list from a network needs signature: {public_key: RWQ...}")
    if feed.mirrors and feed.signature is None and not feed.pins:
        keys["mirrors"].wrong("mirrors are believed only with signature or pins")
    if feed.part and feed.format is not Format.UT1:
        keys["part"].wrong("is a category of an archive; only format: ut1 has any")
    if feed.observe and feed.mandatory is not None:
        keys["observe"].wrong("a mandatory list blocks; only a category or security feed can be observed")


def _address(found: DocumentValue) -> str:
    source = found.string()
    if is_remote(source):
        return _remote(found, source)
    if "://" in source:
        found.wrong("a list is fetched by https:// only; else give a path")
    return source


def _remote(found: DocumentValue, source: str) -> str:
    try:
        parts = urlsplit(source)
        port = parts.port
    except ValueError:
        found.wrong("is no address (write https://lists.example/names.txt)")
        return source
    if not parts.hostname or port == 0:
        found.wrong("is no address (write https://lists.example/names.txt)")
    if parts.username is not None or parts.password is not None:
        found.wrong("must not hold a password: write login: {basic: {user: ..., password_file: ...}}")
        return HTTPS
    return source


def _mandatory(found: DocumentValue) -> MandatoryTerms | None:
    if found.missing():
        return None
    keys = found.keys(("authority", "ground"), ("blocking_mode", "confidential"))
    return MandatoryTerms(
        authority=keys["authority"].string(),
        ground=keys["ground"].string(),
        blocking_mode=keys["blocking_mode"].blocking_mode(),
        confidential=keys["confidential"].flag(),
    )


def _security(found: DocumentValue) -> bool:
    if found.missing():
        return False
    found.keys(())
    return True


def _guard(found: DocumentValue) -> Guard:
    default = Guard()
    if found.missing():
        return default
    shares = ("max_shrink", "max_exchange", "max_week_shrink")
    keys = found.keys((), ("min_names", "max_grow", *shares, "private_suffixes"))
    return Guard(
        min_names=keys["min_names"].whole(default.min_names),
        max_grow=keys["max_grow"].number(default.max_grow, 0, 1_000_000),
        max_shrink=keys["max_shrink"].number(default.max_shrink, 0, 1),
        max_exchange=keys["max_exchange"].number(default.max_exchange, 0, 1),
        max_week_shrink=keys["max_week_shrink"].number(default.max_week_shrink, 0, 1),
        private_suffixes=keys["private_suffixes"].flag(),
    )


def _part(found: DocumentValue) -> str:
    if found.missing():
        return ""
    part = found.string()
    if _PART.fullmatch(part) is None:
        found.wrong("is no name of a directory (letters, digits, _ and -)")
    return part


def _signature(found: DocumentValue) -> Signature | None:
    if found.missing():
        return None
    keys = found.keys(("public_key",))
    text = keys["public_key"].string()
    if text and len(_decoded(text)) != _PUBLIC_KEY_SIZE:
        keys["public_key"].wrong("is no public key of minisign (56 characters; the second line of its file)")
    return Signature(text)


def _pin(found: DocumentValue) -> str:
    text = found.string()
    if text and len(_decoded(text)) != _PIN_SIZE:
        found.wrong("is no SHA-256 of a server's public key in base64 (44 characters)")
    return text


def _login(found: DocumentValue) -> Login | None:
    if found.missing():
        return None
    keys = found.keys((), ("header", "basic", "certificate"))
    given = [way for way, value in keys.items() if not value.missing()]
    if len(given) != 1:
        found.wrong("must have exactly one of header, basic, certificate")
        return None
    return {"header": _header, "basic": _basic, "certificate": _certificate}[given[0]](keys[given[0]])


def _header(found: DocumentValue) -> Login:
    keys = found.keys(("name", "value_file"))
    name = keys["name"].string()
    if name and _HEADER.fullmatch(name) is None:
        keys["name"].wrong("is no name of a header")
    return HeaderLogin(name, keys["value_file"].string())


def _basic(found: DocumentValue) -> Login:
    keys = found.keys(("user", "password_file"))
    return BasicLogin(keys["user"].string(), keys["password_file"].string())


def _certificate(found: DocumentValue) -> Login:
    keys = found.keys(("file", "key_file"))
    return CertificateLogin(keys["file"].string(), keys["key_file"].string())


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
