"""Small parts of the resolver: what the system says of its ports."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.serve.wiring import RESERVED_PORTS, reserved_ports


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("\n", ()),
        ("5353\n", (5353,)),
        ("5353,9100-9102,65535\n", (5353, 9100, 9101, 9102, 65535)),
        ("65534-70000\n", (65534, 65535)),
        ("what nobody knows\n", ()),
        ("\xff", ()),
    ],
)
def test_reserved_ports_are_read_as_the_kernel_writes_them(
    tmp_path: Path, text: str, ports: tuple[int, ...]
) -> None:
    (tmp_path / "reserved").write_text(text, encoding="latin-1")
    assert reserved_ports(tmp_path / "reserved") == ports


def test_a_system_without_such_a_list_reserves_nothing(tmp_path: Path) -> None:
    assert reserved_ports(tmp_path / "none") == ()


@pytest.mark.skipif(not RESERVED_PORTS.exists(), reason="the system has no such list")
def test_this_system_is_understood() -> None:
    assert bool(reserved_ports()) == bool(RESERVED_PORTS.read_text().strip())
