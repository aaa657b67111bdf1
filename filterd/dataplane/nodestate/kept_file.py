"""The kept orders of a node in a file of their own, ``kept.orders`` beside the parts of the node state.

The node may be the only place that still knows them: they must not go with the mandatory part. The file is
written before that part, whenever the set of kept orders changes. What it says too much is harmless: an order
that the mandatory part has, in whatever form, is as that part has it.

Layout: magic ``FLTRDKO1``, 32-byte SHA-256 over (key, body), body: orders as the mandatory part has them. The
key is the one that the fingerprints of the names were made with.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from filterd.dataplane.nodestate import orders as mandatory
from filterd.disk.files import replace_file, set_aside
from filterd.policy.overlay import OrderRules

FILE = "kept.orders"
_MAGIC = b"FLTRDKO1"
_BODY = len(_MAGIC) + hashlib.sha256().digest_size


class KeptFile:
    """The file; ``damage`` says what is wrong with it, and is empty where nothing is. Owned by the node's
    thread."""

    def __init__(self, directory: Path, key: bytes) -> None:
        self.damage = ""
        self._path = directory / FILE
        self._key = key
        self._body: bytes | None = None
        """what stands in it; None where nothing does that can be read"""

    def load(self) -> tuple[OrderRules, ...]:
        """The orders in it. None where it is not there; none, and :attr:`damage`, where it cannot be read."""
        self._body, self.damage = None, ""
        try:
            data = self._path.read_bytes()
            body = data[_BODY:]
            if data[:_BODY] != self._head(body):
                self.damage = f"{self._path} does not match its checksum, or was made with another key"
                return ()
            orders = tuple(mandatory.decode(body))
        except FileNotFoundError:
            return ()
        except OSError as error:
            self.damage = f"cannot read {self._path}: {error.strerror}"
            return ()
        except ValueError:
            self.damage = f"the content of {self._path} is not readable"
            return ()
        self._body = body
        return orders

    def save(self, orders: tuple[OrderRules, ...]) -> None:
        """Put these orders in it, durably, where it has others. Raises ``OSError``: it is as before then."""
        body = mandatory.encode(orders)
        needless = not orders and self._body is None and not self.damage
        if body == self._body or needless:
            return
        try:
            set_aside(self._path)
            replace_file(self._path, (self._head(body), body))
        except OSError as error:
            error.filename = error.filename or str(self._path)
            raise
        self._body, self.damage = body, ""

    def _head(self, body: bytes) -> bytes:
        return _MAGIC + hashlib.sha256(self._key + body).digest()
