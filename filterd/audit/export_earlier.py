"""Compares an export with what somebody kept from before: an export, a checkpoint, or a public statement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filterd.audit.export_lines import ExportFormatError, lines_of, record_of
from filterd.audit.export_signatures import CheckpointPlace, require_signed
from filterd.model import export_format, signed_text


class Earlier:
    """A file that was kept. :func:`.export_proof.prove_export` verifies its signature, of an export the
    seal."""

    def __init__(self, path: Path) -> None:
        """Read the beginning of the file. Raises ``OSError`` and ExportFormatError."""
        self._path = path
        self._signed: dict[str, Any] = {}
        self._sequence, self._hash = 0, ""
        self._number, self._digest = 0, ""
        self._entries: Iterator[tuple[int, str]] | None = None
        self._next: tuple[int, str] | None = None
        with path.open("rb") as file:
            lines = lines_of(_Ended(file))
            line = next(lines, None)
            record = {} if line is None else record_of(line)
            if record.get("kind") != export_format.HEADER and next(lines, None) is not None:
                raise self._nothing()
        if record.get("kind") == export_format.HEADER:
            self._begin_export(record)
        else:
            self._read_signed(record)

    def _begin_export(self, header: dict[str, Any]) -> None:
        if type(header.get("sequence")) is not int or not isinstance(header.get("hash"), str):
            raise self._nothing()
        self.what = f"an export that ends at entry {header['sequence']}"
        self._sequence, self._hash = int(header["sequence"]), str(header["hash"])
        self._entries = self._read_entries()
        self._next = next(self._entries, None)

    def _read_signed(self, record: dict[str, Any]) -> None:
        body = record.get("body")
        if not isinstance(body, dict):
            raise self._nothing()
        head = body.get("head", body)
        if not isinstance(head, dict) or type(head.get("sequence")) is not int or not head.get("hash"):
            raise self._nothing()
        self._signed = record
        self._sequence, self._hash = head["sequence"], str(head["hash"])
        if self._kind == signed_text.CHECKPOINT and type(body.get("number")) is int:
            self._number, self._digest = body["number"], signed_text.digest(signed_text.text_of(record))
            self.what = f"checkpoint {self._number}, which covers entry {self._sequence}"
        elif type(head.get("checkpoint")) is int:
            self._number, self._digest = head["checkpoint"], str(head.get("digest"))
            self.what = f"a statement, which names entry {self._sequence} and checkpoint {self._number}"
        else:
            raise self._nothing()

    @property
    def _kind(self) -> str:
        return signed_text.STATEMENT if "head" in self._signed["body"] else signed_text.CHECKPOINT

    def _nothing(self) -> ExportFormatError:
        return ExportFormatError("it is no export, checkpoint or statement")

    @property
    def export(self) -> Path | None:
        """The file, where it is an export."""
        return None if self._signed else self._path

    def require_signature(self, keys: dict[str, bytes]) -> None:
        """Raise ExportFormatError where none of these keys, by id, signed the checkpoint or statement."""
        require_signed(self._kind, self._signed, keys)

    def _read_entries(self) -> Iterator[tuple[int, str]]:
        with self._path.open("rb") as file:
            for line in lines_of(file):
                record = record_of(line)
                if record.get("kind") in (export_format.ENTRY, export_format.WITHHELD):
                    yield record["sequence"], record["hash"]

    def entry_fault(self, sequence: int, digest: str) -> str:
        """Why an entry is not the one of then; empty where it is, or nothing is known of it."""
        while self._next is not None and self._entries is not None and self._next[0] < sequence:
            self._next = next(self._entries, None)
        known = self._hash if sequence == self._sequence else ""
        if self._next is not None and self._next[0] == sequence:
            known = self._next[1]
        return f"a fork: {self.what} has another entry {sequence}" if known not in ("", digest) else ""

    def checkpoint_fault(self, place: CheckpointPlace) -> str:
        """Why a checkpoint is not the one of then; empty where it is, or nothing is known of it."""
        if self._number and place.number == self._number and place.digest != self._digest:
            return f"a fork: another checkpoint {self._number} was kept from before"
        return ""

    def end_fault(self, sequence: int, first: int) -> str:
        """Why the trail cannot end at ``sequence``, or begin behind ``first``; empty where it can."""
        if self._sequence > sequence:
            return f"it ends at entry {sequence}: older than {self.what}"
        if self._sequence < first:
            return f"it begins behind entry {first}, and cannot be compared with {self.what}"
        return ""


class _Ended:
    """A file whose last line may lack its newline, as a signed text that was saved."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readline(self, limit: int) -> bytes:
        data: bytes = self._file.readline(limit)
        return data + b"\n" if data and len(data) < limit and not data.endswith(b"\n") else data
