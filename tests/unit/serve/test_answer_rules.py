"""Where the secrets of server cookies come from, and what the packets are told of the settings."""

from __future__ import annotations

import io
import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.config.value_types import Seconds
from filterd.disk import checked_file
from filterd.serve import answer_rules
from filterd.telemetry import log

FIRST, SECOND = "000102030405060708090a0b0c0d0e0f", "F0E0D0C0B0A090807060504030201000"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}, "state_dir": "state"}, base=tmp_path)


def sharing(settings: Settings, text: str, mode: int = 0o600) -> Settings:
    """The same with a file of secrets."""
    file = settings.state_dir.parent / "cookies"
    file.write_text(text)
    file.chmod(mode)
    return replace(settings, dns=replace(settings.dns, cookie_secret_file=file))


@pytest.fixture
def said() -> io.StringIO:
    """The log."""
    stream = io.StringIO()
    log.configure("resolver", stream)
    return stream


def own_file(settings: Settings) -> Path:
    return settings.state_dir / "keys" / "cookie.key"


def test_a_node_makes_a_secret_of_its_own_and_keeps_it(settings: Settings) -> None:
    made = answer_rules.cookie_secrets(settings)
    file = own_file(settings)
    assert checked_file.read(file) == made.value
    assert (len(made.value), made.kept, stat.S_IMODE(file.stat().st_mode)) == (16, True, 0o600)
    assert answer_rules.cookie_secrets(settings) == made


def cut(file: Path) -> None:
    file.write_bytes(bytes(3))


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def made_a_directory(file: Path) -> None:
    file.unlink()
    (file / "something").mkdir(parents=True)


def led_in_a_circle(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


@pytest.mark.parametrize("damage", [cut, emptied, made_a_directory, led_in_a_circle])
def test_a_damaged_secret_is_set_aside_and_another_one_is_kept(
    settings: Settings, said: io.StringIO, damage: Callable[[Path], None]
) -> None:
    before = answer_rules.cookie_secrets(settings)
    damage(own_file(settings))
    made = answer_rules.secrets_at_start(settings)
    assert (len(made.value), made.kept) == (16, True)
    assert made != before
    line = json.loads(said.getvalue())
    assert line["event"] == "the cookie secret was damaged, another one takes its place"
    assert str(own_file(settings)) in line["reason"]
    assert line["remedy"]
    assert os.path.lexists(line["file"])
    assert answer_rules.secrets_at_start(settings) == made, "it is kept"


def test_damage_that_cannot_be_set_aside_leaves_a_secret_of_this_process(
    settings: Settings, said: io.StringIO
) -> None:
    answer_rules.cookie_secrets(settings)
    cut(own_file(settings))
    (own_file(settings).parent / "cookie.key.damaged" / "something").mkdir(parents=True)
    made = answer_rules.secrets_at_start(settings)
    assert (len(made.value), made.kept) == (16, False)
    assert "cookie.key" in json.loads(said.getvalue())["remedy"]


def test_where_nothing_can_be_kept_the_secret_lasts_as_long_as_the_process(
    settings: Settings, said: io.StringIO
) -> None:
    settings.state_dir.write_text("a file where a directory should be")
    made = answer_rules.secrets_at_start(settings)
    assert (len(made.value), made.kept) == (16, False)
    assert settings.state_dir.is_file()
    assert "clients lose theirs" in said.getvalue()


def test_a_shared_file_that_cannot_be_used_does_not_stop_a_start(
    settings: Settings, said: io.StringIO
) -> None:
    wrong = sharing(settings, "no secret")
    made = answer_rules.secrets_at_start(wrong)
    assert (len(made.value), made.kept) == (16, False)
    assert "SIGHUP" in json.loads(said.getvalue())["remedy"]
    assert answer_rules.secrets_at_start(sharing(settings, FIRST)).kept


@pytest.mark.parametrize("text", [FIRST, f"{FIRST}\n{SECOND}\n", f"\n  {FIRST}\r\n{SECOND}"])
def test_nodes_share_one_or_two_secrets(settings: Settings, text: str) -> None:
    found = answer_rules.cookie_secrets(sharing(settings, text)).value
    assert found == bytes.fromhex(FIRST) + (bytes.fromhex(SECOND) if SECOND in text else b"")
    assert not settings.state_dir.exists()


@pytest.mark.parametrize("text", ["", FIRST[:-1], FIRST + "0", f"{FIRST}\n" * 3, "g" * 32, "\u00e9" * 16])
def test_what_is_no_secret_is_an_error_that_does_not_quote_it(settings: Settings, text: str) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits") as caught:
        answer_rules.cookie_secrets(sharing(settings, text))
    assert not text or text.split()[0] not in str(caught.value)


def test_a_file_open_to_everyone_is_an_error(settings: Settings) -> None:
    with pytest.raises(ValueError, match="chmod o="):
        answer_rules.cookie_secrets(sharing(settings, FIRST, 0o644))
    assert answer_rules.cookie_secrets(sharing(settings, FIRST, 0o640)).value == bytes.fromhex(FIRST)


def test_a_missing_file_is_an_error(settings: Settings) -> None:
    absent = replace(settings, dns=replace(settings.dns, cookie_secret_file=settings.state_dir / "none"))
    with pytest.raises(FileNotFoundError):
        answer_rules.cookie_secrets(absent)


@pytest.mark.parametrize(("idle", "keepalive"), [(10, 100), (1, 10), (100_000, 0xFFFF)])
def test_the_idle_time_of_tcp_is_told_in_tenths_of_a_second(
    settings: Settings, idle: int, keepalive: int
) -> None:
    tcp = replace(settings.dns.tcp, idle=Seconds(idle))
    changed = replace(settings, dns=replace(settings.dns, tcp=tcp))
    assert answer_rules.rules_of(changed, b"").keepalive == keepalive
