"""The compiled code is what runs, and its numbers are those that Python sees."""

from __future__ import annotations

import re
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from types import ModuleType

import pytest

from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import Scope
from filterd.wire import codec, edns, respond, respond_reference, scrub
from filterd.wire.status import Status


def enum_members(module: str, name: str) -> dict[str, int]:
    """The members of a C enum as its .pxd declares them."""
    text = (Path(codec.__file__).parent / f"{module}.pxd").read_text()
    body = re.search(rf"cdef enum {name}:(.*?)\n\n", text, re.S)
    assert body is not None
    return {word: int(number, 0) for word, number in re.findall(r"^    (\w+) = (\w+)", body[1], re.M)}


@pytest.mark.parametrize("module", [codec, respond, scrub])
def test_compiled_module_is_loaded(module: ModuleType) -> None:
    assert str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES))


def test_statuses_are_mirrored() -> None:
    assert enum_members("codec", "Status") == {status.name: status.value for status in Status}


def test_blocking_modes_are_mirrored() -> None:
    modes = {f"MODE_{mode.name}": mode.value for mode in BlockingMode}
    assert enum_members("respond", "Mode") == modes
    assert respond_reference.SCOPE_EXACT == Scope.EXACT.value == 0


def test_local_kinds_are_mirrored() -> None:
    kinds = enum_members("respond", "LocalKind")
    assert kinds == {name: getattr(respond_reference, name) for name in kinds}


def test_size_is_mirrored() -> None:
    text = (Path(codec.__file__).parent / "respond.pxd").read_text()
    assert f"UDP_SIZE = {edns.UDP_SIZE} " in text


@pytest.mark.parametrize(("size", "limit"), [(None, 512), (0, 512), (513, 513), (1232, 1232), (4096, 1232)])
def test_udp_limit(size: int | None, limit: int) -> None:
    assert edns.udp_limit(size) == limit


def test_a_query_has_no_repr_that_tells_its_name() -> None:
    query = codec.parse(b"\0\7\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1")
    assert "example" not in repr(query)
