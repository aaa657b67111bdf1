"""What a person does wrong in the first hour, and what the commands say then."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]

DEMAND = ("--authority", "A court", "--official", "Judge", "--document", "1/2026", "--ground", "Art. 1")


def test_nobody_stands_behind_an_order_who_is_no_account_of_the_system(
    answer: Answer, run: Run, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = json.loads(installation.read_text())
    installation.write_text(json.dumps({**settings, "orders": {"approvals": 2}}))
    order = ("order", "add", "a.test.example", *DEMAND, "--reason", "served")
    monkeypatch.setenv("SUDO_USER", "daemon")
    assert answer(*order)["state"] == "pending"
    monkeypatch.setenv("SUDO_USER", "no-such-account")
    for refused in (run("order", "approve", "O-1"), run(*order)):
        assert refused.exit_code == 1
        assert "no-such-account is no account of this system" in refused.stderr
        assert "what to do: run it under your own account" in refused.stderr
    assert [each["state"] for each in answer("order", "list")] == ["pending"]
    assert answer("order", "withdraw", "O-1", "--reason", "an unblock never waits")["state"] == "withdrawn"


JURISDICTION = """
title: {es: Aquí, en: Here}
calendar: {zone: UTC, weekend: [sat, sun], holidays: []}
authorities: [{id: court, title: {es: Juzgado, en: A court}}]
grounds: [{id: art-1, title: {es: Bloqueo, en: Block}, law: "Art. 1; Art. 7", authorities: [court]}]
"""


def test_an_order_that_repeats_another_is_taken_in_with_a_warning(
    answer: Answer, run: Run, tmp_path: Path
) -> None:
    order = ("order", "add", *DEMAND, "--reason", "served")
    first = run(*order, "a.test.example", "b.test.example")
    assert "warning" not in first.stderr
    again = run(*order, "a.test.example", "b.test.example")
    assert "order O-1 (accepted, the same document) has each entry of O-2 already" in again.stderr
    assert "what to do: compare: filterd order show O-1" in again.stderr
    answer("order", "withdraw", "O-1", "--reason", "lifted")
    (tmp_path / "names").write_text("a.test.example\nc.test.example\n")
    other = answer(*order, "--document", "9/2026", "--confidential", "--file", str(tmp_path / "names"))
    assert [each["says"] for each in other["warnings"]] == [
        "order O-2 (accepted, document 1/2026) has 1 of its 2 entries of O-3 already"
    ]
    assert other["warnings"][0]["remedy"].endswith("filterd order withdraw O-3 --reason ...")


def test_an_unknown_authority_or_ground_is_warned_of(run: Run, installation: Path) -> None:
    (installation.parent / "policies/jurisdictions/here.yaml").write_text(JURISDICTION)
    order = ("order", "add", "--official", "J", "--document", "1", "--reason", "served")
    known = (("court", "art-1"), ("A COURT", "art.  1"), ("juzgado", "Art. 1; Art. 7"), ("A court", "Block"))
    for number, (authority, ground) in enumerate(known):
        taken = run(*order, f"{number}.test.example", "--authority", authority, "--ground", ground)
        assert (taken.exit_code, "warning" in taken.stderr) == (0, False), taken.stderr
    wrong = run(*order, "wrong.test.example", "--authority", "A curt", "--ground", "Code 99")
    assert wrong.exit_code == 0
    assert "warning: unknown authority 'A curt': jurisdictions/here.yaml has none" in wrong.stderr
    assert "what to do: did you mean A court?" in wrong.stderr
    assert "warning: unknown ground 'Code 99'" in wrong.stderr
    assert "what to do: known ones: art-1;" in wrong.stderr


@pytest.mark.parametrize("prefix", ["0.0.0.0/0", "::/0", "10.0.0.0/8", "2001:db8::/32"])
def test_a_prefix_wider_than_a_line_has_must_be_meant(answer: Answer, run: Run, prefix: str) -> None:
    answer("subscriber", "add", "one")
    for command in (("binding", "add", prefix, "one"), ("subscriber", "add", "two", "--prefix", prefix)):
        refused = run(*command)
        assert refused.exit_code == 1
        assert "every client in it would be this one line" in refused.stderr
        assert "--wide" in refused.stderr
    assert answer("binding", "list") == []
    bound = run("binding", "add", prefix, "one", "--wide")
    assert bound.exit_code == 0
    assert f"warning: {prefix} is one line now" in bound.stderr
    answer("binding", "remove", prefix)
    assert (
        f"warning: {prefix} is one line now"
        in run("subscriber", "add", "two", "--prefix", prefix, "--wide").stderr
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"allow_from": ["0.0.0.0/0"]}, "dns.allow_from: 0.0.0.0/0 is every IPv4 address: strangers"),
        ({"allow_from": ["192.0.2.0/24", "::/0"]}, "dns.allow_from: ::/0 is every IPv6 address: strangers"),
        ({"allow_from": ["0.0.0.0/1"]}, "dns.allow_from: 0.0.0.0/1 is wider than /8: strangers"),
        ({"ecs_from": ["::/0"]}, "dns.ecs_from: ::/0 is every IPv6 address: each sender"),
        ({"ecs_from": ["192.0.2.0/24"]}, "dns.ecs_from: 192.0.2.0/24 has more than 16 addresses: each"),
        ({"proxy_from": ["10.0.0.0/27"]}, "dns.proxy_from: 10.0.0.0/27 has more than 16 addresses: each"),
        ({"ecs_from": ["2001:db8::/120"]}, "dns.ecs_from: 2001:db8::/120 has more than 16 addresses"),
        ({"proxy_from": ["0.0.0.0/0"]}, "dns.proxy_from: 0.0.0.0/0 is every IPv4 address: each sender"),
    ],
)
def test_a_configuration_that_answers_everybody_is_warned_of(
    answer: Answer, run: Run, installation: Path, settings: dict[str, Any], says: str
) -> None:
    assert answer("config", "check")["warnings"] == []
    value = json.loads(installation.read_text())
    installation.write_text(json.dumps({**value, "dns": {**value["dns"], **settings}}))
    checked = run("config", "check")
    assert checked.exit_code == 0
    assert f"warning: {says}" in checked.stderr
    assert "what to do: write the " in checked.stderr
    (warning,) = answer("config", "check")["warnings"]
    assert f"{warning['path']}: {warning['message']}".startswith(says)


def test_a_directory_in_the_place_of_the_current_snapshot_is_told(run: Run, installation: Path) -> None:
    pointer = installation.parent / "state/snapshots/current"
    pointer.mkdir(parents=True)
    for line in (("check", "a.test.example"), ("snapshot", "show"), ("snapshot", "build")):
        refused = run(*line)
        assert (refused.exit_code, type(refused.exception)) == (1, SystemExit)
        assert f"{pointer} cannot be read: Is a directory" in refused.stderr
        assert "what to do: remove or rename it, then run: filterd snapshot build" in refused.stderr


def test_a_bad_entry_of_a_file_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "names"
    file.write_text("# order\na.test.example\n\nno..name # typed wrong\n")
    order = ("order", "add", "b.test.example", "--file", str(file), *DEMAND, "--reason", "served")
    assert f"{file}:4: not a domain name: 'no..name'" in run(*order).stderr
    hidden = run("order", "add", "--file", str(file), "--confidential", *DEMAND, "--reason", "served")
    assert f"{file}:4: entry 2 of the order is no name" in hidden.stderr
    assert "no..name" not in hidden.stderr
    typed = run("order", "add", "no..name", *DEMAND, "--reason", "served")
    assert "filterd: not a domain name" in typed.stderr


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--not-after", "2020-01-01T00:00:00Z", "--not-after lies in the past"),
        ("--review-at", "2020-01-01T00:00:00Z", "the review date (--review-at) lies in the past"),
        ("--received-at", "2999-01-01T00:00:00Z", "(--received-at) lies in the future"),
        ("--not-before", "tomorrow", "--not-before is no time: 'tomorrow'"),
        ("--not-after", "2027-01-01", "--not-after has no offset from UTC"),
    ],
)
def test_a_wrong_time_of_an_order_names_its_option(run: Run, option: str, value: str, says: str) -> None:
    refused = run("order", "add", "a.test.example", *DEMAND, "--reason", "served", option, value)
    assert refused.exit_code == 1
    assert says in refused.stderr
    assert "what to do: " in refused.stderr


def test_a_damaged_order_is_ended_with_its_successor_in_force(
    answer: Answer, run: Run, installation: Path
) -> None:
    order = ("order", "add", *DEMAND, "--reason", "served")
    answer(*order, "a.test.example")
    with closing(sqlite3.connect(installation.parent / "filterd.db")) as raw:
        raw.execute("UPDATE orders SET document = 'x' WHERE number = 1")
        raw.commit()
    end = ("order", "withdraw", "O-1", "--damaged", "--reason", "taken in anew")
    assert "unknown order 'O-2'" in run(*end, "--replaced-by", "O-2").stderr
    assert run("order", "withdraw", "O-1", "--reason", "x", "--replaced-by", "O-2").exit_code == 2
    assert "--damaged --replaced-by O-... --reason ..." in run("order", "show", "O-1").stderr
    answer(*order, "a.test.example")
    assert answer(*end, "--replaced-by", "O-2")["state"] == "withdrawn"
    (entry,) = answer("audit", "tail", "--count", "1")
    assert entry["entry"]["after"]["replaced_by"] == "O-2"
