"""The log: JSON lines with fields of a closed list, and no text of an unforeseen exception."""

from __future__ import annotations

import io
import json

import pytest

from filterd.telemetry import log


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    log.configure("resolver", made)
    return made


def test_a_line_is_json_with_role_level_and_time(stream: io.StringIO) -> None:
    log.get().warning("snapshot refused", reason="damaged", file="7-ab.snapshot")
    line = json.loads(stream.getvalue())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "snapshot refused",
        "reason": "damaged",
        "file": "7-ab.snapshot",
        "role": "resolver",
        "level": "warning",
    }


@pytest.mark.parametrize("field", ["name", "qname", "client", "address", "subscriber", "line", "exc_info"])
def test_a_field_that_is_not_on_the_list_is_not_written(stream: io.StringIO, field: str) -> None:
    log.get().error("trouble", **{field: "secret.example"})
    assert "secret" not in stream.getvalue()


def test_a_fault_says_type_and_place_and_not_its_text() -> None:
    try:
        json.loads("secret.example")
    except ValueError as error:
        fields = log.fault_fields(error)
    assert fields["fault"] == "JSONDecodeError"
    assert fields["place"]
    assert "secret" not in repr(fields)
