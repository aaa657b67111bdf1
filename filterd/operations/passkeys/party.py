"""The relying party: the host and origin for which a passkey is good, of the public URL of a desk."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

LOCAL = "localhost"
"""the only host to which browsers give passkeys over plain HTTP"""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """A desk as browsers know it (WebAuthn Level 3, 5.1.2)."""

    id: str
    """the host"""
    origin: str
    """scheme, host and port, exactly as the browser tells it"""


def party_of(public_url: str) -> RelyingParty | None:
    """The relying party of a public URL; None where browsers give it no passkey: there is no URL, it is plain
    HTTP elsewhere than on ``localhost``, or its host is an address."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    secure = parts.scheme == "https" or (parts.scheme == "http" and host == LOCAL)
    if not host or not secure or _is_address(host):
        return None
    ordinary = {"https": 443, "http": 80}[parts.scheme]
    port = "" if parts.port in (None, ordinary) else f":{parts.port}"
    return RelyingParty(host, f"{parts.scheme}://{host}{port}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
