"""Evidence packs of a filled installation, and the verdicts of the two programs on them."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import get_args, get_type_hints

from filterd.audit.pack_archive import PackArchive
from filterd.disk.signing_keys import SigningKey
from filterd.model import evidence_format, signed_text
from filterd.model.audit_chain import canonical
from filterd.model.evidence_format import EVIDENCE, PackedFile
from filterd.model.report_record import RecordHead, ReportRecord
from filterd.operations.context import Context
from filterd.operations.evidence_pack import parts, scope, verifying, writing
from filterd.operations.evidence_pack.verifying import PackProof
from filterd.operations.evidence_pack.writing import WrittenPack
from filterd.operations.signing import Purpose
from filterd.operations.trail import rotating
from filterd.web.published.reporting import giving
from tests.worlds.exported import Verdict

RANGE = {"since": "2026-12-06", "until": "2027-02-24"}
"""the range of the world of reports"""


async def write(context: Context, path: Path, of: Mapping[str, str], *, pdf: bool = False) -> WrittenPack:
    """Write a pack, and the operator's keys beside it (``PUB.pem``)."""
    wanted = await scope.scope_of(context, **of)
    done = await writing.write(context, path, wanted, sheet=giving.sheet, pdf=pdf)
    path.with_name("PUB.pem").write_text(await rotating.public_pem(context, Purpose.CHECKPOINT))
    return done


def files_of(path: Path) -> dict[str, bytes]:
    """The files of a pack, in their order."""
    with tarfile.open(path) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive}  # type: ignore[union-attr]  # every entry is a file


def archive_of(files: Mapping[str, bytes], moment: int) -> bytes:
    """The archive of these files."""
    made = b"".join(
        evidence_format.header(name, len(data), moment) + data + evidence_format.padding(len(data))
        for name, data in files.items()
    )
    return made + evidence_format.END


def resealed(files: Mapping[str, bytes], key: SigningKey, **changed: object) -> dict[str, bytes]:
    """The files with a manifest that tells of them as they are, signed by a key: by somebody who has it.
    ``changed``: what else it says otherwise."""
    body = json.loads(files[evidence_format.MANIFEST])["body"]
    listed = [
        PackedFile(name, len(data), hashlib.sha256(data).hexdigest())
        for name, data in files.items()
        if name != evidence_format.MANIFEST
    ]
    last = files[evidence_format.MANIFEST]
    files = {name: data for name, data in files.items() if name != evidence_format.MANIFEST}
    files[evidence_format.MANIFEST] = last  # what was added stands before it
    about = {name: value for name, value in body.items() if name not in ("files", "format", "left_out")}
    made = {**evidence_format.manifest(about, listed, body["left_out"]), **changed}
    signed = signed_text.signed(EVIDENCE, made, key.key_id, key.sign)
    return {**files, evidence_format.MANIFEST: signed_text.text_of(signed).encode()}


def with_rows(files: Mapping[str, bytes], table: str, rows: list[dict[str, object]]) -> dict[str, bytes]:
    """The files with these rows in a table of the record."""
    text = "".join(f"{canonical(each)}\n" for each in rows)
    return {**files, f"record/{table}.jsonl": text.encode()}


def rows_of(files: Mapping[str, bytes], table: str) -> list[dict[str, object]]:
    """The rows of a table of the record."""
    return [json.loads(line) for line in files[f"record/{table}.jsonl"].splitlines()]


def by_filterd(path: Path) -> PackProof:
    """The verdict of filterd's own verifier."""
    return verifying.verify(path, path.with_name("PUB.pem"))


def by_script(path: Path, python: str = sys.executable) -> Verdict:
    """The verdict of the independent script, with plain Python alone."""
    script = parts.SCRIPTS / "recompute-report.py"
    command = [python, "-I", "-S", "-B", str(script), str(path), str(path.with_name("PUB.pem"))]
    done = subprocess.run(
        command, cwd=path.parent, env={}, capture_output=True, text=True, check=False, timeout=120
    )
    return Verdict(done.returncode, done.stdout + done.stderr)


def opened(data: bytes) -> PackArchive:
    """An archive in memory."""
    return PackArchive(io.BytesIO(data))


def record_of(files: Mapping[str, bytes]) -> ReportRecord:
    """The record of a pack."""
    head = RecordHead(**json.loads(files[evidence_format.HEAD]))
    tables = {
        name: tuple(get_args(kind)[0](**row) for row in rows_of(files, name))
        for name, kind in get_type_hints(ReportRecord).items()
        if name != "head"
    }
    return ReportRecord(head, **tables)
