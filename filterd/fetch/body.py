"""The content of an answer on its way into a file: counted, unpacked, and stopped at the limits."""

from __future__ import annotations

import hashlib
import zlib

from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.request import Sink

_PIECE = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS
"""zlib's word for gzip with its header and check sum"""


class Body:
    """Takes the pieces of an answer, and writes its content. Raises FetchError, also for a full disk."""

    def __init__(self, sink: Sink, host: str, limit: int, *, gzipped: bool) -> None:
        self._sink = sink
        self._host = host
        self._limit = limit
        self._unpacker = zlib.decompressobj(_GZIP) if gzipped else None
        self._begun = False
        self._digest = hashlib.sha256()
        self.arrived = 0
        self.written = 0

    def take(self, data: bytes) -> None:
        """One piece, as it arrived."""
        self.arrived += len(data)
        if self.arrived > self._limit:
            raise FetchError(FetchFailure.TOO_LARGE, self._host, f"more than {self._limit} bytes")
        if self._unpacker is None:
            self._write(data)
            return
        try:
            self._unpack(data)
        except zlib.error:
            raise FetchError(FetchFailure.DAMAGED, self._host) from None

    def end(self) -> str:
        """Check that the content is whole; its SHA-256."""
        if self._unpacker is not None and not (self._unpacker.eof or not self._begun):
            raise FetchError(FetchFailure.SHORT, self._host)
        return self._digest.hexdigest()

    def _unpack(self, data: bytes) -> None:
        """Unpack a piece a MiB at a time: a bomb is stopped at the limit, never held in memory."""
        assert self._unpacker is not None  # noqa: S101 - the caller has looked
        while data:
            if self._unpacker.eof:  # one more member (RFC 1952 §2.2)
                self._unpacker = zlib.decompressobj(_GZIP)
            self._begun = True
            self._write(self._unpacker.decompress(data, _PIECE))
            data = self._unpacker.unused_data if self._unpacker.eof else self._unpacker.unconsumed_tail

    def _write(self, piece: bytes) -> None:
        self.written += len(piece)
        if self.written > self._limit:
            raise FetchError(FetchFailure.TOO_LARGE, self._host, f"more than {self._limit} bytes unpacked")
        self._digest.update(piece)
        rest = memoryview(piece)
        try:
            while rest:  # a disk that is nearly full takes a part
                rest = rest[self._sink.write(rest) :]
        except OSError as error:
            raise FetchError(FetchFailure.DISK, self._host, error.strerror or "") from None
