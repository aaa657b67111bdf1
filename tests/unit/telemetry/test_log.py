"""The log: JSON lines with fields of a closed list, and no text of an unforeseen exception."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

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


def test_lines_go_to_the_standard_error_of_their_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log.configure("control")
    log.get().info("first")
    later = io.StringIO()
    monkeypatch.setattr(sys, "stderr", later)
    log.get().info("second")
    assert json.loads(capsys.readouterr().err)["event"] == "first"
    assert json.loads(later.getvalue())["event"] == "second"


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


def test_the_log_holds_json_alone_whoever_writes(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import logging, warnings\n"
        "from filterd.telemetry import log\n"
        "log.configure('resolver')\n"
        "log.catch_faults()\n"
        "warnings.warn('secret.example')\n"
        "logging.getLogger('asyncio').warning('secret.example')\n"
        "try:\n"
        "    raise ValueError('secret.example')\n"
        "except ValueError:\n"
        "    logging.getLogger('asyncio').exception('secret.example')\n"
        "raise RuntimeError('secret.example')\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["fault"] for each in said] == ["UserWarning", "", "ValueError", "RuntimeError"]
    assert all(each["place"] for each in said)
    assert "secret" not in done.stderr + done.stdout


def test_a_fault_of_a_thread_does_not_quote(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import threading\n"
        "from filterd.telemetry import log\n"
        "log.configure('resolver')\n"
        "log.catch_faults()\n"
        "def fail(): raise ValueError('secret.example')\n"
        "thread = threading.Thread(target=fail)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["event"] for each in said] == ["a thread failed"]
    assert {(each["fault"], each["role"]) for each in said} == {("ValueError", "resolver")}
    assert "secret" not in done.stderr + done.stdout
