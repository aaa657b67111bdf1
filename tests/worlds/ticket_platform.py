"""A platform of tickets in the shape of Italy's: login, tickets, full lists, replies; faults on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from tests.worlds.threaded_https import Reply

EMAIL, PASSWORD = "noc@isp.example", "a password of a test"
API = "/api/v1"


class PlatformFault(StrEnum):
    """The ways in which it misbehaves, until told otherwise."""

    NONE = "none"
    SERVER_ERROR = "server_error"
    WRONG_CHECKSUM = "wrong_checksum"
    OTHER_TEXT = "other_text"
    """the text of a ticket has a name that the ticket lacks, under a digest that fits"""
    NO_RENEWAL = "no_renewal"
    """every token is refused, and none renewed"""
    LOCKED = "locked"
    """the login is refused"""
    NO_JSON = "no_json"
    REPLIES_REFUSED = "replies_refused"
    """answers to items are refused"""
    TRUNCATED = "truncated"
    """the full list has its first line alone, under a digest that fits"""


@dataclass
class TicketPlatform:
    """Holds tickets by id, as JSON has them. ``processed``, ``unprocessed``: the replies that it took."""

    fault: PlatformFault = PlatformFault.NONE
    tickets: dict[str, dict[str, Any]] = field(default_factory=dict)
    full: dict[str, list[str]] = field(default_factory=lambda: {"fqdn": [], "ipv4": []})
    processed: list[str] = field(default_factory=list)
    unprocessed: dict[str, str] = field(default_factory=dict)
    protected: list[str] = field(default_factory=list)
    """what the provider told as its own"""
    no_text: dict[str, int] = field(default_factory=dict)
    """tickets whose texts do not come, with the status that comes instead"""
    counted: Counter[str] = field(default_factory=Counter)
    """requests by path"""
    _tokens: set[str] = field(default_factory=set)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        identifier: str,
        *names: str,
        at: float,
        addresses: tuple[str, ...] = (),
        genre: str = "blocking",
    ) -> None:
        """Make a ticket, at a moment in Unix seconds."""
        with self._lock:
            self.tickets[identifier] = {
                "ticket_id": identifier,
                "status": "open",
                "genre": genre,
                "fqdn": list(names),
                "ipv4": list(addresses),
                "metadata": {"created_at": datetime.fromtimestamp(at, UTC).isoformat()},
            }

    def cancel(self, identifier: str) -> None:
        """Its sender takes a ticket back."""
        with self._lock:
            self.tickets[identifier]["status"] = "cancelled"

    def expire(self, *, wholly: bool = False) -> None:
        """No token counts any more; those that renew do, unless ``wholly``."""
        with self._lock:
            kept = () if wholly else (each for each in self._tokens if each.startswith("refresh"))
            self._tokens = set(kept)

    def replies(self) -> int:
        """The replies that it took."""
        with self._lock:
            return len(self.processed) + len(self.unprocessed)

    def answer(self, method: str, path: str, body: bytes, login: str) -> Reply:
        """As the platform answers now."""
        with self._lock:
            self.counted[path] += 1
            if self.fault is PlatformFault.SERVER_ERROR:
                return Reply(500)
            if self.fault is PlatformFault.NO_JSON:
                return Reply(200, b"<html>maintenance</html>", "text/html")
            asked = json.loads(body) if body else {}
            return self._answer(method, path.removeprefix(API), asked, login.removeprefix("Bearer "))

    def _answer(self, method: str, path: str, asked: dict[str, Any], token: str) -> Reply:
        if path == "/authentication/login":
            return self._login(asked)
        if path == "/authentication/refresh":
            return self._refresh(asked)
        if token not in self._tokens or self.fault is PlatformFault.NO_RENEWAL:
            return Reply(401, b'{"status": "error"}')
        if method == "POST":
            return self._told(path, asked)
        if path == "/ticket/get/all":
            return _good(list(self.tickets.values()))
        kind = "ipv4" if "/ipv4" in path else "fqdn"
        if path.startswith("/ticket/get/"):
            return self._ticket(path, kind, str(asked.get("ticket_id")))
        return self._text(path, self._full(kind))

    def _login(self, asked: dict[str, Any]) -> Reply:
        if self.fault is PlatformFault.LOCKED or asked != {"email": EMAIL, "password": PASSWORD}:
            return Reply(401, b'{"status": "error"}')
        return _good(self._fresh())

    def _fresh(self) -> dict[str, str]:
        self._made += 1
        found = {"access_token": f"access-{self._made}", "refresh_token": f"refresh-{self._made}"}
        self._tokens |= set(found.values())
        return found

    def _refresh(self, asked: dict[str, Any]) -> Reply:
        if self.fault is PlatformFault.NO_RENEWAL or asked.get("refresh_token") not in self._tokens:
            return Reply(401, b'{"status": "error"}')
        return _good({"access_token": self._fresh()["access_token"]})

    def _told(self, path: str, asked: dict[str, Any]) -> Reply:
        if self.fault is PlatformFault.REPLIES_REFUSED:
            return Reply(503, b'{"status": "error"}')
        if path == "/ticket/item/set/processed":
            self.processed.append(str(asked["value"]))
        elif path == "/ticket/item/set/unprocessed":
            self.unprocessed[str(asked["value"])] = str(asked["reason"])
        elif path == "/whitelist/item/create":
            self.protected.append(str(asked["item"]))
        else:
            return Reply(404)
        return _good({})

    def _ticket(self, path: str, kind: str, identifier: str) -> Reply:
        ticket = self.tickets.get(identifier)
        if ticket is None or identifier in self.no_text:
            return Reply(self.no_text.get(identifier, 404))
        more = ["other.example"] if self.fault is PlatformFault.OTHER_TEXT else []
        return self._text(path, [*ticket[kind], *more])

    def _full(self, kind: str) -> list[str]:
        return self.full[kind][:1] if self.fault is PlatformFault.TRUNCATED else self.full[kind]

    def _text(self, path: str, lines: list[str]) -> Reply:
        content = "".join(f"{each}\n" for each in lines).encode()
        if not path.endswith("/checksum"):
            return Reply(200, content)
        wrong = b"x" if self.fault is PlatformFault.WRONG_CHECKSUM else b""
        return _good({"checksum": hashlib.sha256(content + wrong).hexdigest()})


def _good(data: Any) -> Reply:
    return Reply(200, json.dumps({"status": "success", "data": data}).encode(), "application/json")
