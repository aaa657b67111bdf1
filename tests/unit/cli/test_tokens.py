"""``filterd token`` at the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]


@pytest.fixture(autouse=True)
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """The person who runs the commands has an account here."""
    monkeypatch.setenv("SUDO_USER", "daemon")


def test_the_secret_is_printed_once(answer: Answer, run: Run) -> None:
    made = run("token", "add", "billing", "--system", "--role", "provisioning", "--lines", "north-")
    assert made.exit_code == 0, made.stderr
    secret = made.stdout.splitlines()[-1]
    assert secret.startswith("filterd_")
    assert "not shown again" in made.stderr
    listed = run("token", "list")
    assert "billing (system)" in listed.stdout
    assert "lines north-..." in listed.stdout
    assert secret not in listed.stdout
    (plain,) = answer("token", "list")
    assert secret not in str(plain)
    assert (plain["token"], plain["role"], plain["state"]) == ("T-1", "provisioning", "valid")
    assert (plain["made_by"], plain["last_used"], plain["revoked_at"]) == ("daemon", None, None)


def test_a_token_is_revoked_by_its_number_or_its_name(answer: Answer, run: Run) -> None:
    for _ in range(2):
        answer("token", "add", "bin", "--role", "operator")
    limits = ("--for", "30d", "--from", "192.0.2.0/24")
    number = answer("token", "add", "other", "--role", "regulator", *limits)["token"]
    assert [each["token"] for each in answer("token", "revoke", "bin", "--reason", "left")] == ["T-1", "T-2"]
    again = run("token", "revoke", "T-1", "--reason", "left")
    assert (again.exit_code, "T-1 was revoked before" in again.stderr) == (0, True)
    states = {each["name"]: each["state"] for each in answer("token", "list")}
    assert states == {"bin": "revoked", "other": "valid"}
    assert f"revoked: {number}" in run("token", "revoke", number, "--reason", "left").stderr
    assert "revoked" in run("token", "list").stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("add", "nobody-here", "--role", "operator"), 1, "add --system"),
        (("add", "Ana", "--role", "support"), 1, "in lower case"),
        (("add", "bin", "--role", "support", "--for", "400d"), 1, "make a new one before it expires"),
        (("add", "bin", "--role", "support", "--scope", "audit.read"), 1, "choose of: check"),
        (("add", "bin", "--role", "support", "--from", "x"), 1, "what to do"),
        (("add", "bin", "--role", "chief"), 2, "is not one of"),
        (("add", "bin"), 2, "--role"),
        (("revoke", "T-9", "--reason", "x"), 1, "filterd token list"),
        (("revoke", "T-9"), 2, "--reason"),
    ],
)
def test_a_refusal_says_what_to_do(run: Run, words: tuple[str, ...], code: int, says: str) -> None:
    refused = run("token", *words)
    assert refused.exit_code == code
    assert says in refused.stderr


def test_an_empty_list_says_how_to_make_one(run: Run) -> None:
    assert "filterd token add NAME --role ROLE" in run("token", "list").stderr
