"""The native code's numbers of extended errors are those of ``ExtendedError``."""

from __future__ import annotations

import re
from pathlib import Path

import filterd.wire
from filterd.wire.ede import ExtendedError

NATIVE = re.compile(r"^    EDE_([A-Z_]+) = (\d+)", re.MULTILINE)


def test_native_numbers_are_those_of_the_enum() -> None:
    assert filterd.wire.__file__ is not None
    source = (Path(filterd.wire.__file__).parent / "ede.pxd").read_text()
    found = {name: int(number) for name, number in NATIVE.findall(source)}
    assert {"CENSORED", "FILTERED", "BLOCKED", "PROHIBITED"} <= set(found)
    assert found.items() <= {each.name: each.value for each in ExtendedError}.items()
