"""Every way to change an export, and how many of them each verifier finds.

The larger campaign, over an export of a scripted installation::

    .venv/bin/python -m tests.worlds.export_mutations [--flips N] [--seed N]

``--flips 0`` flips a bit of every byte. Signatures are verified once for the same key, signature and bytes.
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import functools
import importlib.util
import io
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filterd.audit import export_signatures
from filterd.disk import signing_keys
from filterd.model.audit_chain import canonical
from filterd.operations.signing import Purpose
from filterd.operations.trail import verifying
from tests.worlds import export_forger, exported
from tests.worlds.installation import Installation, install

FREE = frozenset(("made_at", "filterd", "keys", "told_at", "anchor"))
"""parts of header and anchors that the seal alone binds: who has its key may write what they like"""


@dataclass(slots=True)
class Campaign:
    """The mutations of one export, and what was found."""

    directory: Path
    made: Counter[str] = field(default_factory=Counter)
    by_filterd: Counter[str] = field(default_factory=Counter)
    by_script: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def try_all(self, mutations: Iterator[tuple[str, str, bytes]]) -> None:
        """Show each mutation (its kind, what it is, the file) to both verifiers."""
        script = _script()
        path, key = self.directory / "mutated", self.directory / "PUB.pem"
        for kind, what, data in mutations:
            path.write_bytes(data)
            self.made[kind] += 1
            first = not verifying.prove(path, key).holds
            with redirect_stdout(io.StringIO()):
                second = script(str(path), str(key)) == 1
            self.by_filterd[kind] += first
            self.by_script[kind] += second
            if not (first and second):
                self.missed.append(f"{kind}: {what}: filterd {first}, script {second}")


def _script() -> Callable[..., int]:
    """The main function of ``verify-export.py``, which remembers the signatures that it has verified."""
    spec = importlib.util.spec_from_file_location("verify_export", verifying.VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.signed_by = functools.lru_cache(maxsize=100_000)(module.signed_by)  # type: ignore[attr-defined]  # signatures are remembered
    main: Callable[..., int] = module.main
    return main


def flips(data: bytes, count: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """One bit flipped: of ``count`` bytes, of every byte where it is 0."""
    chance = random.Random(seed)
    places = range(len(data)) if not count else chance.sample(range(len(data)), min(count, len(data)))
    for place in places:
        bit = 1 << chance.randrange(8)
        yield (
            "a bit flipped",
            f"byte {place} ^ {bit}",
            data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :],
        )


def of_records(data: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Each record removed, doubled, swapped with the next; the file cut behind it, and within it."""
    lines = data.splitlines(keepends=True)
    at = 0
    for number, line in enumerate(lines):
        before, behind = lines[:number], lines[number + 1 :]
        yield "a record removed", f"{number}", b"".join(before + behind)
        yield "a record doubled", f"{number}", b"".join([*before, line, line, *behind])
        yield "a record at the end", f"{number}", b"".join([*lines, line])
        if behind:
            yield "records swapped", f"{number}", b"".join([*before, behind[0], line, *behind[1:]])
            yield "records cut off", f"{number}", b"".join([*before, line])
        yield "bytes cut off", f"{number}", data[: at + len(line) // 2]
        at += len(line)
    yield "bytes at the end", "a space", data + b" "
    yield "bytes at the end", "a line", data + b"\n"


def resealed(data: bytes, seal: Callable[[list[bytes]], bytes]) -> Iterator[tuple[str, str, bytes]]:
    """What somebody makes who has the operator's key, and seals the file anew: each record removed, doubled,
    moved, and each value in it changed.

    Left out is what changes nothing that is proven: rows of a table that change places, an anchor that is not
    told or told twice; and the newest checkpoint, whose absence only one who kept it can notice.
    """
    lines = data.splitlines(keepends=True)[:-1]
    records = [json.loads(line) for line in lines]
    for number, record in enumerate(records):
        before, behind = lines[:number], lines[number + 1 :]
        name = f"{record['kind']} {number}"
        newest = record["kind"] == "checkpoint" and b'"checkpoint"' not in b"".join(behind)
        if number and not newest and record["kind"] != "anchor":
            yield "resealed: a record removed", name, seal([*before, *behind])
            yield "resealed: a record doubled", name, seal([*before, lines[number], lines[number], *behind])
        if number and behind and record.get("table") != records[number + 1].get("table"):
            yield "resealed: records swapped", name, seal([*before, behind[0], lines[number], *behind[1:]])
        for path, changed in _changes(record):
            if not FREE.intersection(path):
                line = canonical(changed).encode() + b"\n"
                yield "resealed: a value changed", f"{name} {path}", seal([*before, line, *behind])


def _changes(record: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The record with one value changed, and one key added to each object."""
    for path, value in _leaves(record, ()):
        if path not in (("kind",), ("table",)):
            yield path, _with(record, path, _another(value))
    yield ("added",), {**record, "added": 1}


def _leaves(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number))
    else:
        yield path, value


def _another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1:] != "0" else "1")
    return "another"


def _with(record: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(record)
    place: Any = changed
    for each in path[:-1]:
        place = place[each]
    place[path[-1]] = value
    return changed


async def scripted(base: Path) -> tuple[Installation, Path]:
    """An installation with something of everything, and its export."""
    installation = await install(base / "filterd")
    await exported.script(installation)
    (base / "export").mkdir()
    await exported.write(installation, base / "export" / "export")
    return installation, base / "export"


def run(installation: Installation, directory: Path, count: int, seed: int) -> Campaign:
    """The campaign on the export in a directory."""
    remembered = functools.lru_cache(maxsize=100_000)(signing_keys.signature_holds)
    export_signatures.signature_holds = remembered  # type: ignore[attr-defined]  # it is imported there
    data = (directory / "export").read_bytes()
    campaign = Campaign(directory)
    campaign.try_all(of_records(data))
    campaign.try_all(resealed(data, lambda lines: exported.resealed(installation, lines)))
    campaign.try_all(flips(data, count, seed))
    keys = [exported.signing_key(installation, each) for each in (Purpose.CHECKPOINT, Purpose.RECEIPT)]
    forgeries = export_forger.by_receipt_key(data, *keys)
    campaign.try_all(("signed with the receipt key", *each) for each in forgeries)
    bare = export_forger.without_salt(data, keys[0])
    campaign.try_all(iter([("entries as of before the salt", "all", bare)]))
    return campaign


def main() -> None:
    """Run it, and print the figures."""
    from tests.worlds import export_vandal

    parser = argparse.ArgumentParser(description="mutate an export, and count what the verifiers find")
    parser.add_argument("--flips", type=int, default=0, help="bytes to flip a bit of; 0: every byte")
    parser.add_argument("--seed", type=int, default=18)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as base:
        installation, directory = asyncio.run(scripted(Path(base)))
        print(f"an export of {(directory / 'export').stat().st_size} bytes")
        campaign = run(installation, directory, options.flips, options.seed)
        rows = asyncio.run(export_vandal.run(installation, directory, export_vandal.columns(installation)))
    for each in (campaign, rows):
        _show(each)
    print(f"{campaign.made.total() + rows.made.total():6} in {time.monotonic() - began:.0f} s")


def _show(campaign: Campaign) -> None:
    for kind, made in campaign.made.items():
        first, second = campaign.by_filterd[kind], campaign.by_script[kind]
        print(f"{made:6} {kind:30} found by filterd {first:6}, by verify-export.py {second:6}")
    for each in campaign.missed[:50]:
        print(f"MISSED {each}")


if __name__ == "__main__":
    main()
