"""The rules for answers, made from the settings, and the secrets of server cookies."""

from __future__ import annotations

import errno
import re
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from filterd.config.settings import Settings
from filterd.dataplane.packet.plane_types import Sinkhole
from filterd.disk.keys import COOKIE_KEY
from filterd.model.block_kind import BlockKind
from filterd.telemetry import log

MOST_SECRETS = 2
_SECRET = re.compile(r"[0-9A-Fa-f]{32}")
_DAMAGE = frozenset({errno.EACCES, errno.EPERM, errno.EIO, errno.ELOOP})
"""errors of a file that will not be readable later either; others may be of this moment alone"""


@dataclass(frozen=True, slots=True)
class ConfiguredAnswerRules:
    """See :class:`filterd.dataplane.packet.plane_types.AnswerRules`."""

    block_ttl: int
    max_ttl_opted_in: int
    sinkholes: tuple[Sinkhole, ...]
    identity: str
    keepalive: int
    cookie_secrets: bytes


def rules_of(settings: Settings, cookie_secrets: bytes) -> ConfiguredAnswerRules:
    """The settings that the native stages need."""
    return ConfiguredAnswerRules(
        block_ttl=settings.dns.block_ttl,
        max_ttl_opted_in=settings.dns.max_ttl_opted_in,
        sinkholes=tuple(_sinkhole(settings, kind) for kind in BlockKind),
        identity=settings.dns.identity or "",
        keepalive=min(settings.dns.tcp.idle * 10, 0xFFFF),
        cookie_secrets=cookie_secrets,
    )


def _sinkhole(settings: Settings, kind: BlockKind) -> Sinkhole:
    if settings.block_page is None:
        return (None, None)
    page = settings.block_page.of(kind)
    return (page.ipv4.packed if page.ipv4 else None, page.ipv6.packed if page.ipv6 else None)


@dataclass(frozen=True, slots=True)
class CookieSecrets:
    """One or two secrets in a row; the first one makes cookies (RFC 9018 §5). ``kept``: they survive this
    process."""

    value: bytes
    kept: bool = True


def secrets_at_start(settings: Settings) -> CookieSecrets:
    """The secrets to start with. Cookies are no reason not to answer DNS: where the configured file cannot be
    used, that is logged, and a secret is made that lasts as long as the process."""
    try:
        return cookie_secrets(settings)
    except (OSError, ValueError) as error:
        log.get().error(
            "the cookie secrets cannot be used, one of this process takes their place",
            reason=str(error),
            remedy="mend dns.cookie_secret_file, then send SIGHUP to filterd serve",
        )
        return _passing()


def cookie_secrets(settings: Settings) -> CookieSecrets:
    """The secrets of the configured file that nodes share; without one, the node's own secret.

    The node keeps its own, so that cookies survive a restart. One that is damaged is set aside and another
    one made. Raises ``OSError`` and ValueError if the configured file cannot be used.
    """
    shared = settings.dns.cookie_secret_file
    if shared is not None:
        return CookieSecrets(_read(shared))
    try:
        return CookieSecrets(COOKIE_KEY.load(settings.state_dir))
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno not in _DAMAGE:
            return _unkept(error)
        damage = error
    try:
        made = CookieSecrets(COOKIE_KEY.renew(settings.state_dir))
    except OSError as error:
        return _unkept(error)
    path = COOKIE_KEY.path(settings.state_dir)
    log.get().error(
        "the cookie secret was damaged, another one takes its place",
        reason=str(damage),
        file=f"{path}.damaged",
        remedy="none: clients get new cookies; remove the file that was set aside",
    )
    return made


def _unkept(error: OSError) -> CookieSecrets:
    remedy = "mend keys/cookie.key in state_dir (remove it for a new one), then send SIGHUP to filterd serve"
    event = "no cookie secret can be kept, clients lose theirs at each start"
    log.get().warning(event, reason=str(error), remedy=remedy)
    return _passing()


def _passing() -> CookieSecrets:
    return CookieSecrets(secrets.token_bytes(COOKIE_KEY.size), kept=False)


def _read(path: Path) -> bytes:
    """The secrets in a file of one or two lines. No error quotes the content."""
    if path.stat().st_mode & stat.S_IRWXO:
        msg = f"{path} is open to everyone: chmod o= {path}"
        raise ValueError(msg)
    lines = path.read_bytes().decode("ascii", "replace").split()
    if not 1 <= len(lines) <= MOST_SECRETS or not all(map(_SECRET.fullmatch, lines)):
        msg = f"{path} has not one or two lines of 32 hexadecimal digits: openssl rand -hex 16 makes one"
        raise ValueError(msg)
    return b"".join(map(bytes.fromhex, lines))
