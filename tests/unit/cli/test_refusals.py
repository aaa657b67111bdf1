"""The words of a command where a word is none of its own, a file is another user's, a table is empty."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main
from filterd.operations import rights

Run = Callable[..., Result]
Answer = Callable[..., Any]
ORDER = ("--authority", "A", "--official", "B", "--document", "1", "--ground", "g", "--reason", "r")


def refuse(*_: object, **__: object) -> None:
    """As the kernel does where a file is another user's."""
    raise PermissionError(13, "Permission denied")


@pytest.mark.ring("night")
def test_the_trail_of_what_is_not_there(answer: Answer, run: Run) -> None:
    answer("order", "add", "casino.example", *ORDER)
    answer("subscriber", "add", "one")
    assert [each["entry"]["action"] for each in answer("audit", "tail", "--of", "order:o-1")] == ["order.add"]
    absent = run("audit", "tail", "--of", "order:O-99")
    assert (absent.exit_code, absent.stdout) == (1, "")
    assert "unknown order 'O-99'" in absent.stderr
    absent = run("audit", "tail", "--of", "line:99")
    assert absent.exit_code == 1
    assert "there is no line '99'" in absent.stderr
    unheard = run("audit", "tail", "--of", "feed:starter-adult")
    assert (unheard.exit_code, unheard.stderr) == (0, "nothing was recorded of feed:starter-adult\n")


@pytest.mark.parametrize("subject", ["pedido:1", "orders:O-1", "order", "order:", ""])
def test_a_trail_of_an_unknown_kind_is_refused(run: Run, subject: str) -> None:
    refused = run("audit", "tail", "--of", subject)
    assert refused.exit_code == 2
    assert "order:..." in refused.stderr


def test_an_imported_line_is_known_though_nothing_was_recorded_of_it_alone(
    answer: Answer, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,prefixes\none,192.0.2.1\n")
    answer("subscriber", "import", str(file))
    line = answer("subscriber", "show", "one")["line"]
    told = run("audit", "tail", "--of", f"line:{line}")
    assert (told.exit_code, told.stderr) == (0, f"nothing was recorded of line:{line}\n")


def test_orders_by_the_words_of_the_table(answer: Answer, run: Run) -> None:
    answer("order", "add", "casino.example", *ORDER)
    later = answer("order", "add", "later.example", *ORDER, "--not-before", "2099-01-01T00:00:00Z")
    listed = {state: answer("order", "list", "--state", state) for state in ("in force", "not yet in force")}
    assert [each["reference"] for each in listed["in force"]] == ["O-1"]
    assert [each["reference"] for each in listed["not yet in force"]] == [later["reference"]]
    assert len(answer("order", "list", "--state", "accepted")) == 2
    assert "there is no order that is pending" in run("order", "list", "--state", "pending").stderr


def test_a_pause_has_a_unit(answer: Answer, run: Run) -> None:
    answer("subscriber", "add", "one")
    refused = run("subscriber", "pause", "one", "--for", "2")
    assert refused.exit_code == 2
    assert "Write the unit: 2m, 2h or 2d." in refused.stderr


def test_an_import_says_what_it_did_not_bind_and_what_it_refused_in_the_order_of_the_file(
    answer: Answer, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,prefixes\none,192.0.2.1\ntwo,192.0.2.1\nthree,nonsense\nfour,\n")
    done = run("subscriber", "import", str(file))
    places = [line.split(":")[2] for line in done.stderr.splitlines() if str(file) in line]
    assert places == ["3", "4"]
    assert "2 rows were rejected" in done.stderr
    assert "warning: 1 row without prefixes: no address leads to such a line" in done.stderr
    answer("binding", "add", "192.0.2.4", "four")
    file.write_text("subscriber,prefixes\nfour,\nfive,nonsense\n")
    again = run("subscriber", "import", str(file))
    assert "without prefixes" not in again.stderr
    assert "1 row was rejected" in again.stderr


def test_an_import_of_standard_input(installation: Path) -> None:
    words = ["subscriber", "import", "-", "--config", str(installation)]
    done = CliRunner().invoke(main, words, input="subscriber,prefixes\none,192.0.2.1\ntwo,nonsense\n")
    assert "added      1" in done.stdout
    assert "standard input:3: " in done.stderr


def test_an_import_of_a_file_that_this_user_cannot_look_at(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lines.csv"
    assert f"{file} cannot be read as " in run("subscriber", "import", str(file)).stderr
    opened = os.open

    def shut(path: str | Path, flags: int, *mode: int, dir_fd: int | None = None) -> int:
        if path == file:
            refuse()
        return opened(path, flags, *mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", shut)
    monkeypatch.setattr("sys.argv", ["filterd", "subscriber", "import", str(file)])
    said = run("subscriber", "import", str(file)).stderr
    assert f"cannot be read as {rights.this_user()}: Permission denied" in said
    assert f"filterd subscriber import - < {file}" in said


def test_a_configuration_of_another_user_is_read_as_that_user(
    run: Run, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rights, "kept_from", lambda path: "filterd" if path == installation else "")
    monkeypatch.setattr("sys.argv", ["filterd", "order", "list"])
    installation.write_text("")
    refused = run("order", "list")
    assert refused.exit_code == 2
    assert "what to do: run: sudo -u filterd filterd order list" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_reader_of_a_file_is_the_account_of_its_group_or_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "filterd.yaml"
    file.write_text("{}")
    assert rights.kept_from(file) == ""
    assert rights.kept_from(tmp_path / "absent") == ""
    monkeypatch.setattr(type(file), "open", refuse)
    group, owner = grp.getgrnam("daemon").gr_gid, pwd.getpwnam("bin").pw_uid
    for uid, gid, reader in ((0, group, "daemon"), (owner, 0, "bin")):
        os.chown(file, uid, gid)
        assert rights.kept_from(file) == reader
