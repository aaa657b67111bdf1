"""``feed sign``, ``verify`` and ``trust``: what they print, write and refuse."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minisign
import pytest
from click.testing import CliRunner, Result

from filterd.cli.main import main
from tests.worlds.signers import Signer, minisign_accepts

Run = Callable[..., Result]
Answer = Callable[..., Any]

SIGNER, OTHER = Signer.new(), Signer.new()
PASSWORD = "correct horse"  # noqa: S105 - of a key made here

ENTRY = """
- id: adopted
  source: lists/adopted.txt
  format: domains
  mandatory: {{authority: interpol, ground: adopted-list}}
  signature: {{public_key: {key}}}
"""


def sealed(signer: Signer) -> bytes:
    """The key's file with a password, which is cheap to use."""
    key = minisign.SecretKey.from_bytes(signer.secret)
    key.encrypt(PASSWORD, opslimit=32768, memlimit=1 << 20)
    return bytes(key) + b"\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A machine apart: a list, a key without a password and one with it, and nothing of filterd's."""
    apart = tmp_path / "apart"
    apart.mkdir()
    (apart / "list.txt").write_text("worst.test.example\n")
    (apart / "key").write_bytes(SIGNER.secret)
    (apart / "sealed").write_bytes(sealed(SIGNER))
    (apart / "list.txt").chmod(0o640)
    return apart


def apart(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(main, arguments, input=text)


def signing(
    folder: Path, *more: str, key: str = "key", feed: str = "adopted", serial: str = "7"
) -> list[str]:
    words = ["feed", "sign", str(folder / "list.txt"), "--feed", feed, "--serial", serial]
    return [*words, "--key", str(folder / key), *more]


def verifying(folder: Path, *more: str, key: str = SIGNER.public_key) -> list[str]:
    return ["feed", "verify", str(folder / "list.txt"), "--public-key", key, *more]


@pytest.mark.system("minisign")
def test_a_list_is_signed_without_an_installation(folder: Path, tmp_path: Path) -> None:
    done = apart(*signing(folder, "--json"))
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["feed"], told["serial"], told["public_key"]) == ("adopted", 7, SIGNER.public_key)
    manifest, signature = Path(told["manifest"]), Path(told["signature"])
    believed = minisign_accepts(tmp_path, SIGNER.public_key, manifest.read_bytes(), signature.read_bytes())
    assert believed == "serial:7 feed:adopted"
    checked = subprocess.run(["sha256sum", "-c", manifest.name], cwd=folder, check=True, capture_output=True)
    assert checked.stdout == b"list.txt: OK\n"
    assert {each.stat().st_mode & 0o777 for each in (manifest, signature)} == {0o640}, "as the list's"
    assert sorted(each.name for each in folder.iterdir()) == [
        "key",
        "list.txt",
        "list.txt.sha256",
        "list.txt.sha256.minisig",
        "sealed",
    ]
    verified = apart(*verifying(folder, "--feed", "adopted"))
    assert verified.exit_code == 0, verified.stderr
    assert "serial      7" in verified.stdout


def test_a_password_is_read_from_a_file_or_standard_input(folder: Path) -> None:
    (folder / "password").write_text(f"{PASSWORD}\nmore\n")
    assert apart(*signing(folder, "--password-file", str(folder / "password"), key="sealed")).exit_code == 0
    given = apart(*signing(folder, "--password-file", "-", key="sealed"), text=f"{PASSWORD}\n")
    assert given.exit_code == 0
    assert PASSWORD not in given.output
    wrong = apart(*signing(folder, "--password-file", "-", key="sealed"), text="no\n")
    assert wrong.exit_code == 1
    assert "the password is not the key's" in wrong.stderr
    missing = apart(*signing(folder, key="sealed"))
    assert missing.exit_code == 1
    assert "--password-file FILE" in missing.stderr


@pytest.mark.ring("night")
def test_a_password_is_asked_for_on_a_terminal_and_not_shown(folder: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "filterd.cli.main", *signing(folder, "--json", key="sealed")]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
    ) as running:
        os.close(theirs)
        shown = b""
        while b"Password of" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, f"{PASSWORD}\n".encode())
        assert running.stdout is not None
        told = json.loads(running.stdout.read())
        assert running.wait() == 0
    shown += os.read(ours, 4096)
    os.close(ours)
    assert told["public_key"] == SIGNER.public_key
    assert PASSWORD.encode() not in shown


def test_automatic_serials_grow(folder: Path) -> None:
    serials = []
    for _ in range(3):
        done = apart(*signing(folder, "--json", serial="auto"))
        serials.append(json.loads(done.stdout)["serial"])
    assert serials == sorted(set(serials))
    assert len(str(serials[0])) == len("20261126170000")
    apart(*signing(folder, serial=str(10**17)))
    assert json.loads(apart(*signing(folder, "--json", serial="auto")).stdout)["serial"] == 10**17 + 1
    (folder / "key").write_bytes(OTHER.secret)
    other = json.loads(apart(*signing(folder, "--json", serial="auto")).stdout)["serial"]
    assert other < 10**17, "what another key signed says nothing"


def test_a_serial_that_does_not_grow_is_warned_of(folder: Path) -> None:
    assert "warning" not in apart(*signing(folder)).stderr
    for serial in ("7", "6"):
        lower = apart(*signing(folder, serial=serial))
        assert lower.exit_code == 0
        assert f"warning: the serial {serial} is not above that of the signature before, 7" in lower.stderr
        apart(*signing(folder, serial="7"))
    assert "warning" not in apart(*signing(folder, serial="8")).stderr
    assert "warning" not in apart(*signing(folder, serial="7", feed="other")).stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"serial": "-1"}, "no whole number"),
        ({"serial": "1.5"}, "no whole number"),
        ({"serial": "now"}, "no whole number"),
        ({"key": "none"}, "does not exist"),
    ],
)
def test_a_wrong_command_line(folder: Path, words: dict[str, str], told: str) -> None:
    refused = apart(*signing(folder, **words))
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert not (folder / "list.txt.sha256").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"serial": str(1 << 63)}, "a serial is a whole number from 0 to"),
        ({"feed": "Adopted"}, "lower-case letters"),
        ({"key": "list.txt"}, "no secret key of minisign"),
    ],
)
def test_what_cannot_be_signed(folder: Path, words: dict[str, str], told: str) -> None:
    refused = apart(*signing(folder, **words))
    assert refused.exit_code == 1
    assert told in refused.stderr
    assert "what to do:" in refused.stderr
    assert not (folder / "list.txt.sha256").exists()


def test_a_place_that_takes_no_file(folder: Path) -> None:
    (folder / "list.txt.sha256").mkdir()
    refused = apart(*signing(folder))
    assert refused.exit_code == 1
    assert "sign it again" in refused.stderr


def test_what_is_not_verified(folder: Path) -> None:
    def told(*words: str) -> str:
        refused = apart(*words)
        assert refused.exit_code == 1
        assert refused.stdout == ""
        assert "what to do:" in refused.stderr
        return refused.stderr

    assert "list.txt.sha256 cannot be read" in told(*verifying(folder))
    apart(*signing(folder))
    assert "not by the key" in told(*verifying(folder, key=OTHER.public_key))
    assert "no key of minisign" in told(*verifying(folder, key="RWQ"))
    assert "signed for the feed adopted" in told(*verifying(folder, "--feed", "other"))
    (folder / "list.txt").write_text("innocent.test.example\n")
    assert "not the list that was signed" in told(*verifying(folder))


@pytest.fixture
def signed(installation: Path, answer: Answer) -> Path:
    """feeds.yaml of an installation that took a signed mandatory list."""
    policies = installation.parent / "policies"
    SIGNER.place(policies / "lists/adopted.txt", b"worst.test.example\n", "adopted", 7)
    file = policies / "feeds.yaml"
    starter = "- {id: starter-adult, source: lists/adult.txt, format: domains, category: adult}"
    file.write_text(starter + ENTRY.format(key=SIGNER.public_key))
    answer("feed", "update")
    return file


def test_the_origin_of_a_list_is_shown(signed: Path, run: Run, answer: Answer) -> None:
    shown = run("feed", "show", "adopted").stdout
    path = signed.parent / "lists/adopted.txt"
    assert f"{path}, 19 bytes, of user {os.getuid()}" in " ".join(shown.split())
    told = answer("feed", "show", "adopted")
    assert told["provenance"]["newest"]["serial"] == 7
    assert f"by {told['provenance']['newest']['signer']}, serial 7" in shown
    assert told["version"]["source_digest"] in shown
    assert "signed         no" in run("feed", "show", "starter-adult").stdout


def test_a_new_key_takes_two_people(
    signed: Path, installation: Path, run: Run, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.write_text(installation.read_text().replace('"approvals": 1', '"approvals": 2'))
    signed.write_text(signed.read_text().replace(SIGNER.public_key, OTHER.public_key))
    assert "filterd feed trust adopted --reason ..." in run("feed", "list").stderr
    checked = run("config", "check")
    assert checked.exit_code == 2
    assert "the entry of the feed adopted has another key than was adopted" in checked.stderr
    monkeypatch.setenv("SUDO_USER", "daemon")
    assert run("feed", "trust", "adopted").exit_code == 2
    asked = run("feed", "trust", "adopted", "--reason", "rotated")
    assert asked.exit_code == 0, asked.stderr
    assert "waits for another person" in asked.stderr
    assert f"{OTHER.public_key}, at" in run("feed", "show", "adopted").stdout
    again = run("feed", "trust", "adopted", "--reason", "rotated")
    assert again.exit_code == 1
    assert "another person has to confirm" in again.stderr
    monkeypatch.setenv("SUDO_USER", "bin")
    done = answer("feed", "trust", "adopted", "--reason", "compared by telephone")
    assert done == {"feed": "adopted", "public_key": OTHER.public_key, "waiting": None}
    assert run("config", "check").exit_code == 0
    both = b"worst.test.example\nworse.test.example\n"
    OTHER.place(signed.parent / "lists/adopted.txt", both, "adopted", 8)
    assert run("feed", "update", "adopted").exit_code == 0
