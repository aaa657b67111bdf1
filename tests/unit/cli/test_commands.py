"""The groups over a real store: what they print for people and scripts, and how they say no."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest
from click.testing import Result

Run = Callable[..., Result]
Answer = Callable[..., Any]

EVIDENCE = ("--who", "the holder", "--text-version", "2026-11", "--reference", "ticket 7")
DEMAND = ("--authority", "A court", "--official", "Judge", "--document", "1/2026", "--ground", "Art. 1")


@pytest.mark.ring("night")
def test_the_life_of_a_line(answer: Answer, run: Run) -> None:
    added = answer("subscriber", "add", "line-2", "--prefix", "127.0.0.2")
    assert (added["id"], added["opted_in"], added["bindings"]) == ("line-2", False, ["127.0.0.2/32"])
    assert (
        answer("subscriber", "opt-in", "line-2", "--profile", "children", *EVIDENCE)["profile"] == "children"
    )
    assert answer("subscriber", "set-profile", "line-2", "teenagers")["profile"] == "teenagers"
    assert answer("subscriber", "pause", "line-2", "--for", "30m")["paused_until"].endswith("Z")
    assert answer("subscriber", "resume", "line-2")["paused_until"] is None
    assert answer("subscriber", "set-zone", "line-2", "UTC")["zone"] == "UTC"
    assert answer("subscriber", "leave-security", "line-2")["security_left"] is True
    assert answer("subscriber", "leave-security", "line-2", "--return")["security_left"] is False
    answer("subscriber", "allow", "line-2", "a.test.example", "--scope", "exact")
    own = answer("subscriber", "deny", "line-2", "b.test.example")["own_names"]
    assert own == [
        {"name": "a.test.example", "action": "allow", "scope": "exact", "until": None},
        {"name": "b.test.example", "action": "block", "scope": "subtree", "until": None},
    ]
    assert len(answer("subscriber", "remove", "line-2", "a.test.example")["own_names"]) == 1
    assert answer("subscriber", "opt-out", "line-2")["opted_in"] is False
    assert answer("subscriber", "show", "line-2")["own_names"] == own[1:]
    assert [each["id"] for each in answer("subscriber", "list")] == ["line-2"]
    assert answer("subscriber", "list", "--opted-in") == []
    exported = answer("subscriber", "export", "line-2")
    assert exported["requests"][0]["reference"] == "ticket 7"
    assert answer("subscriber", "erase", "line-2", "--reason", "asked for it")["bindings"] == 1
    assert run("subscriber", "show", "line-2").exit_code == 1


def test_what_people_see(run: Run) -> None:
    shown = run("subscriber", "add", "line-2", "--prefix", "2001:db8::/56")
    assert "bindings       2001:db8::/56\n" in shown.stdout
    assert shown.stderr == "registered; nodes apply it within a second\n"
    assert run("subscriber", "list").stdout.startswith("subscriber  line")
    assert run("binding", "list").stdout == "prefix         subscriber\n2001:db8::/56  line-2\n"
    assert run("order", "list").stderr.startswith("there is no order")
    assert "children" in run("profile", "list").stdout
    assert "adult (Adultos), games (Juegos)" in run("profile", "show", "children").stdout


def test_an_unknown_profile_or_subscriber_says_what_exists(run: Run) -> None:
    run("subscriber", "add", "line-2")
    unknown = run("subscriber", "opt-in", "line-2", "--profile", "nonsense", *EVIDENCE)
    assert unknown.exit_code == 1
    assert unknown.stdout == ""
    assert "children, teenagers" in unknown.stderr
    assert "children, teenagers" in run("profile", "show", "nonsense").stderr
    assert "filterd subscriber list" in run("subscriber", "show", "nobody").stderr
    assert "example.org" in run("subscriber", "deny", "line-2", "no..name").stderr


def test_opting_in_without_evidence_names_all_of_it(run: Run) -> None:
    run("subscriber", "add", "line-2")
    refused = run("subscriber", "opt-in", "line-2", "--profile", "children")
    assert refused.exit_code == 1
    assert "who, text_version, reference" in refused.stderr


def test_bindings(answer: Answer, run: Run) -> None:
    answer("subscriber", "add", "one")
    answer("subscriber", "add", "two")
    assert answer("binding", "add", "192.0.2.7", "one")["prefix"] == "192.0.2.7/32"
    assert "is bound to subscriber 'one'" in run("binding", "add", "192.0.2.7", "two").stderr
    assert "192.0.2.0/24" in run("binding", "add", "192.0.2.7/24", "two").stderr
    assert answer("binding", "list") == [{"prefix": "192.0.2.7/32", "subscriber": "one"}]
    assert answer("binding", "remove", "192.0.2.7")["subscriber"] is None
    assert answer("binding", "list") == []


def test_the_life_of_an_order(answer: Answer, run: Run, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("# a list\nc.test.example\n\n")
    names = ("a.test.example", "--name", "b.test.example", "--file", str(tmp_path / "names"))
    added = answer("order", "add", *names, *DEMAND, "--reason", "served today", "--scope", "exact")
    assert added["state"] == "accepted"
    assert [each["name"][0] for each in added["demand"]["names"]] == ["a", "b", "c"]
    reference = added["reference"]
    assert answer("order", "show", reference)["demand"]["names"][0] == {
        "name": "a.test.example",
        "scope": "exact",
    }
    assert "a.test.example (exact)" in run("order", "show", reference).stdout
    assert [each["reference"] for each in answer("order", "list", "--state", "accepted")] == [reference]
    assert "accepted already" in run("order", "approve", reference).stderr
    assert run("order", "withdraw", reference).exit_code == 2
    assert answer("order", "withdraw", reference, "--reason", "lifted")["state"] == "withdrawn"
    assert answer("order", "list", "--state", "accepted") == []


def test_an_order_needs_a_reason_and_all_its_parts(run: Run) -> None:
    assert run("order", "add", "a.test.example", *DEMAND).exit_code == 2
    refused = run("order", "add", "--reason", "why")
    assert refused.exit_code == 2
    assert "a NAME, --authority, --official, --document, --ground" in refused.stderr


def test_names_of_a_confidential_order_are_not_shown(answer: Answer, run: Run, tmp_path: Path) -> None:
    (tmp_path / "names").write_text("secret.test.example # why\n")
    command = ("order", "add", *DEMAND, "--reason", "why", "--confidential")
    assert answer(*command, "--file", str(tmp_path / "names"))["demand"]["names"] == []
    shown = run("order", "show", "O-1")
    assert "confidential" in shown.stdout
    assert "secret" not in shown.stdout


@pytest.mark.parametrize("name", [("secret.test.example",), ("--name", "secret.test.example")])
def test_names_of_a_confidential_order_stand_in_no_list_of_processes(run: Run, name: tuple[str, ...]) -> None:
    refused = run("order", "add", *name, *DEMAND, "--reason", "why", "--confidential")
    assert refused.exit_code == 2
    assert "--file" in refused.stderr


def test_a_hash_inside_an_entry_is_part_of_it(run: Run, tmp_path: Path) -> None:
    """Cut off there, a page's address would block the whole site without anybody's decision."""
    (tmp_path / "names").write_text("https://site.example/#/page\n")
    refused = run("order", "add", *DEMAND, "--reason", "why", "--file", str(tmp_path / "names"))
    assert "without blocking more" in refused.stderr


def test_an_own_name_has_two_scopes(run: Run) -> None:
    assert run("subscriber", "deny", "S-1", "site.example", "--scope", "below").exit_code == 2


def test_a_store_that_is_not_there_says_how_to_make_it(run: Run, installation: Path) -> None:
    installation.with_name("filterd.db").unlink()
    missing = run("subscriber", "list")
    assert missing.exit_code == 1
    assert "filterd store migrate" in missing.stderr


def test_configuration(answer: Answer, run: Run, installation: Path) -> None:
    assert answer("config", "check")["valid"] is True
    assert answer("config", "show")["orders"]["approvals"] == 1
    assert "orders.approvals" in run("config", "show").stdout
    assert "dns" in answer("config", "schema")["properties"]
    (installation.parent / "policies/services.yaml").unlink()
    (installation.parent / "policies/categories.yaml").write_text("[{id: adult}]")
    broken = run("config", "check")
    assert broken.exit_code == 2
    assert "services.yaml" in broken.stderr
    assert "categories.yaml" in broken.stderr


def test_parsing_a_list_loads_nothing(answer: Answer, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "list"
    file.write_text("good.test.example\nbad..name\n*.sub.test.example\n")
    parsed = answer("feed", "parse", str(file), "--format", "wildcard")
    assert {each["name"] for each in parsed["names"]} == {"good.test.example", "sub.test.example"}
    assert {each["action"] for each in parsed["names"]} == {"block"}
    assert [skipped["line"] for skipped in parsed["skipped"]] == [2]
    shown = run("feed", "parse", str(file), "--format", "wildcard", "--scope", "exact")
    assert "block exact good.test.example\n" in shown.stdout
    assert f"{file}:2: an empty label: bad..name\n" in shown.stderr
    missing = run("feed", "parse", str(tmp_path / "none"), "--format", "hosts")
    assert missing.exit_code == 2
    assert "none' does not exist" in missing.stderr


def test_feeds(answer: Answer, run: Run, installation: Path) -> None:
    file = installation.parent / "policies/lists/adult.txt"
    file.write_text("adult.test.example\nbad..name\n")
    assert answer("feed", "list")[0]["state"] == "never read"
    updated = answer("feed", "update")
    assert [(each["feed"], each["outcome"], each["skipped"]) for each in updated] == [
        ("starter-adult", "updated", 1)
    ]
    assert updated[0]["skipped_lines"] == [{"line": 2, "text": "bad..name", "reason": "an empty label"}]
    assert "unchanged" in run("feed", "update", "starter-adult").stdout
    shown = run("feed", "show", "starter-adult")
    assert "lists/adult.txt" in shown.stdout
    assert answer("feed", "show", "starter-adult")["versions"][0]["names"] == 1
    assert run("feed", "list").stdout.splitlines()[1].split()[:3] == ["starter-adult", "adult", "1"]


def test_a_feed_that_cannot_be_read_keeps_its_last_version(
    answer: Answer, run: Run, installation: Path
) -> None:
    answer("feed", "update")
    (installation.parent / "policies/lists/adult.txt").unlink()
    failed = run("feed", "update")
    assert failed.exit_code == 1
    assert "starter-adult" in failed.stderr
    assert "the version that was read before stays in use" in failed.stderr
    status = answer("feed", "show", "starter-adult")
    assert (status["state"], status["version"]["names"]) == ("failed", 1)


def test_an_unknown_feed_says_what_exists(run: Run) -> None:
    refused = run("feed", "update", "nonsense")
    assert refused.exit_code == 1
    assert "starter-adult" in refused.stderr


def test_snapshots(answer: Answer, run: Run) -> None:
    none = run("snapshot", "show")
    assert none.exit_code == 1
    assert "filterd snapshot build" in none.stderr
    answer("feed", "update")
    built = answer("snapshot", "build")
    assert answer("snapshot", "show")["record"]["digest"] == built["digest"]
    assert answer("snapshot", "verify")["current"] is True
    shown = run("snapshot", "verify")
    assert "starter-adult" in shown.stdout
    assert shown.stderr == "the snapshot is whole\n"


def test_a_damaged_snapshot_is_a_failure(answer: Answer, run: Run, installation: Path) -> None:
    answer("feed", "update")
    file = installation.parent / "state/snapshots" / answer("snapshot", "build")["file"]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused = run("snapshot", "verify")
    assert refused.exit_code == 1
    assert "filterd snapshot build" in refused.stderr


def test_store_and_record(answer: Answer, run: Run) -> None:
    assert answer("store", "migrate")["changed"] is False
    assert "already" in run("store", "migrate").stderr
    answer("subscriber", "add", "line-2")
    assert answer("audit", "verify")["fault"] == ""
    assert answer("audit", "verify")["holds"] is True
    assert run("audit", "verify").stdout.startswith("whole: 1 entries, the last with hash ")
    assert answer("audit", "tail")[0]["entry"]["action"] == "subscriber.add"
    assert "subscriber.add" in run("audit", "tail", "--count", "5").stdout
    assert answer("node", "list") == []
    assert "filterd serve" in run("node", "list").stderr


def test_importing_lines(answer: Answer, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "lines.csv"
    file.write_text("subscriber,prefixes,profile\none,192.0.2.1,children\ntwo,192.0.2.2 2001:db8::/56,\n")
    assert answer("subscriber", "import", str(file), *EVIDENCE)["added"] == 2
    assert answer("subscriber", "import", str(file), *EVIDENCE)["unchanged"] == 2
    assert answer("subscriber", "show", "one")["opted_in"] is True
    file.write_text("subscriber,profile,who,text_version,reference\nthree,children,Ana,2026-11,T-3\n")
    asked = ("--asked-at", "2026-11-25T09:00:00-06:00", "--channel", "phone")
    assert answer("subscriber", "import", str(file), *asked)["added"] == 1
    (request,) = answer("subscriber", "export", "three")["requests"]
    assert (request["who"], request["channel"], request["at"]) == ("Ana", "phone", "2026-11-25T15:00:00Z")
    file.write_text("subscriber,profile,who,text_version,reference\nfour,children,Eva,2026-11,T-4\n")
    assert answer("subscriber", "import", str(file))["added"] == 1
    file.write_text("subscriber,profile,who\nfive,children,Eva\n")
    lacking = run("subscriber", "import", str(file))
    assert f"{file}:2: the evidence of the request lacks: text_version, reference" in lacking.stderr
    file.write_text("subscriber,prefixes\nthree,nonsense\n")
    refused = run("subscriber", "import", str(file))
    assert refused.exit_code == 1
    assert f"{file}:2: " in refused.stderr
    assert "rejected   1" in refused.stdout


@pytest.mark.ring("night")
def test_check(answer: Answer, run: Run, tmp_path: Path) -> None:
    answer("feed", "update")
    answer("snapshot", "build")
    answer("subscriber", "add", "one", "--prefix", "10.0.2.1")
    answer("subscriber", "opt-in", "one", "--profile", "children", *EVIDENCE)
    found = answer("check", "adult.test.example", "--client", "10.0.2.1")
    assert (found["verdict"], found["reason"], found["identity"]["line"]) == ("block", "category", 1)
    assert {"stage", "outcome", "rule", "list", "order", "matched_name", "scope"} <= set(found["stages"][0])
    shown = run("check", "adult.test.example", "--subscriber", "one")
    assert "block by category (nxdomain)" in shown.stdout
    assert "NXDOMAIN, EDE 17" in shown.stdout
    assert "starter-adult" in shown.stdout
    message = dns.message.make_response(dns.message.make_query("cloaked.test.example", "A"))
    alias = dns.rrset.from_text("cloaked.test.example.", 60, "IN", "CNAME", "adult.test.example.")
    message.answer.append(alias)
    (tmp_path / "answer").write_bytes(message.to_wire())
    cloaked = ("check", "cloaked.test.example", "--subscriber", "one")
    assert answer(*cloaked)["verdict"] == "pass"
    assert answer(*cloaked, "--answer", str(tmp_path / "answer"))["reason"] == "category"
    assert run(*cloaked, "--client", "10.0.2.1").exit_code == 2
    assert run(*cloaked, "--type", "NONSENSE").exit_code == 1
    assert run("check", "a..b").exit_code == 1


def test_a_broken_record_is_the_result_on_standard_output(
    answer: Answer, run: Run, installation: Path
) -> None:
    answer("subscriber", "add", "line-2")
    with closing(sqlite3.connect(installation.parent / "filterd.db")) as store:
        store.execute("UPDATE audit SET actor = 'eve'")
        store.commit()
    told = run("audit", "verify")
    assert told.exit_code == 1
    assert told.stdout.startswith("broken at entry 1: ")
    assert "keep the store file as evidence" in told.stderr
    as_json = run("audit", "verify", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["holds"]) == (1, False)


def test_rows_that_are_not_as_decided_are_results_too(answer: Answer, run: Run, installation: Path) -> None:
    answer("order", "add", "banned.example", *DEMAND, "--reason", "served")
    with closing(sqlite3.connect(installation.parent / "filterd.db")) as store:
        store.execute("UPDATE orders SET state = 'withdrawn'")
        store.commit()
    told = run("audit", "verify")
    assert told.exit_code == 1
    assert told.stdout.startswith("whole: ")
    assert "order:O-1: " in told.stdout
    assert "not what the audit trail says" in told.stderr


def test_a_wrong_configuration_is_named(run: Run, installation: Path) -> None:
    installation.write_text("nonsense: 1\n")
    refused = run("config", "check")
    assert refused.exit_code == 2
    assert f"mend {installation};" in refused.stderr


ORDER = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "served")


def test_what_an_order_hits_is_shown_when_it_is_added_approved_and_looked_at(
    answer: Answer, run: Run, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"popular-{number}.example" for number in range(14)]
    (installation.parent / "policies/expected.yaml").write_text("".join(f"{name}: []\n" for name in names))
    monkeypatch.setenv("SUDO_USER", "daemon")
    added = run("order", "add", *names, *ORDER, "--proportionality", "weighed by the court")
    monkeypatch.setenv("SUDO_USER", "bin")
    for shown in (
        added,
        run("order", "show", "O-1"),
        run("order", "approve", "O-1"),
        run("order", "show", "O-1"),
    ):
        assert shown.exit_code == 0, shown.stderr
        assert re.search("reaches +popular-0.example, a popular name\n", shown.stdout)
        assert re.search("\n +and 2 more\n", shown.stdout)
    assert "takes two people, whatever orders.approvals says" in added.stderr
    found = answer("order", "show", "O-1")
    assert (found["state"], len(found["reach"])) == ("accepted", 14)
    assert found["reach"][0] == {
        "kind": "popular",
        "subject": "popular-0.example",
        "count": 1,
        "says": "popular-0.example, a popular name",
    }


def test_an_own_name_that_became_protected_is_shown(answer: Answer, run: Run, installation: Path) -> None:
    run("subscriber", "add", "S-1")
    run("subscriber", "deny", "S-1", "hotline.example")
    protected = installation.parent / "policies/protected.yaml"
    protected.write_text("{public_suffixes: true, names: {subtree: [hotline.example]}}")
    shown = run("subscriber", "show", "S-1")
    assert "hotline.example blocks what is protected" in shown.stderr
    assert "filterd subscriber remove S-1 hotline.example" in shown.stderr
    assert answer("subscriber", "show", "S-1")["protected_own_names"] == ["hotline.example"]
    protected.write_text("")
    assert answer("subscriber", "show", "S-1")["protected_own_names"] is None
    protected.write_text("{public_suffixes: true, names: {subtree: [hotline.example]}}")
    run("subscriber", "remove", "S-1", "hotline.example")
    assert answer("subscriber", "show", "S-1")["protected_own_names"] == []


def test_policies_laid_over_the_shipped_ones(installation: Path, run: Run, answer: Answer) -> None:
    """A shipped directory, and the operator's with one profile, a word too many, then a misspelt file."""
    folder = installation.parent
    own = folder / "own"
    (own / "profiles").mkdir(parents=True)
    shutil.copy(folder / "policies/profiles/children.yaml", own / "profiles/school.yaml")
    (own / "feeds.yaml").write_text("[{id: gone, disabled: true}]")
    value = json.loads(installation.read_text())
    installation.write_text(json.dumps({**value, "policies": "own", "policies_base": "policies"}))
    said = run("config", "check")
    assert f"policies in {own} over {folder}/policies" in said.stdout
    takes_out, empty = said.stderr.splitlines()
    assert takes_out == "feeds.yaml[0]: takes out gone, which is not shipped: correct it, or remove it"
    assert empty.startswith("category games: no feed fills it")
    assert "(school)" in empty, "a shipped profile is not remarked on"
    origins = {each["id"]: each["origin"] for each in answer("profile", "list")}
    assert origins == {"children": "shipped", "school": "own", "teenagers": "shipped"}
    assert [each["origin"] for each in answer("feed", "list")] == ["shipped"]
    (own / "feed.yaml").write_text("[]")
    refused = run("config", "check")
    assert refused.exit_code == 2
    assert "feed.yaml: is no document" in refused.stderr
    assert f"mend the files in {own}" in refused.stderr


NIGHT = """
title: {es: Noche, en: Night}
description: {es: Noche, en: Night}
audience: {es: Casas, en: Homes}
limits: {es: No cierra los datos móviles., en: It does not close mobile data.}
schedule:
- {days: daily, from: "00:00", until: "24:00", block: everything, leaves: [messaging]}
- {days: [mon], from: "15:00", until: "18:00", block: {categories: [games], services: [chat]}}
"""
WARNING = "warning: {es: Cierra también lo de los adultos., en: It closes adults' things too.}\n"
GROUPED = """
public_suffixes: true
groups:
- {id: messaging, title: {es: Mensajes, en: Messages}, names: {subtree: [chat.test.example]}}
- {id: banks, title: {es: Bancos, en: Banks}, names: {subtree: [bank.test.example]}}
"""


@pytest.mark.ring("night")
def test_a_night_that_closes_everything(installation: Path, run: Run, answer: Answer) -> None:
    """It warns whoever sets it, shows what it leaves open, and check says why a name is open at that hour."""
    policies = installation.parent / "policies"
    services = "[{id: chat, title: {es: Charla, en: Chat}, names: {subtree: [talk.test.example]}}]"
    (policies / "services.yaml").write_text(services)
    (policies / "protected.yaml").write_text(GROUPED)
    night = policies / "profiles/night.yaml"
    night.write_text(NIGHT)
    checked = run("config", "check")
    assert checked.exit_code == 0
    assert "night.yaml: blocks everything at some hours, for adults too, and has no warning" in checked.stderr
    night.write_text(NIGHT + WARNING)
    assert "no warning" not in run("config", "check").stderr

    shown = run("profile", "show", "night").stdout
    assert "Sun 00:00-24:00 everything but messaging, Mon 15:00-18:00 games chat\n" in shown
    assert "Cierra también lo de los adultos." in shown
    assert "No cierra los datos móviles." in shown
    assert re.search(r"left open +messaging \(Mensajes\)\n", shown)
    assert re.search(r"open: messaging +chat.test.example\n", shown)
    assert "It does not" in shown
    as_json = answer("profile", "show", "night")
    assert as_json["schedule"][0]["leaves"] == ["messaging"]
    assert as_json["open_at_night"] == {"messaging": ["chat.test.example"]}
    many = ", ".join(f"n{number:02}.test.example" for number in range(20))
    (policies / "protected.yaml").write_text(GROUPED.replace("chat.test.example", many))
    shown = run("profile", "show", "night").stdout
    assert "n11.test.example, and 8 more (all: --json)\n" in shown
    assert len(answer("profile", "show", "night")["open_at_night"]["messaging"]) == 20
    (policies / "protected.yaml").write_text(GROUPED)
    night.write_text((NIGHT + WARNING).replace(", leaves: [messaging]", ""))
    assert "00:00-24:00 everything but messaging banks," in run("profile", "show", "night").stdout
    night.write_text((NIGHT + WARNING).replace("leaves: [messaging]", "leaves: []"))
    assert "00:00-24:00 everything," in run("profile", "show", "night").stdout
    night.write_text(NIGHT + WARNING)

    answer("feed", "update")
    answer("subscriber", "add", "S-9")
    opted = run("subscriber", "opt-in", "S-9", "--profile", "night", *EVIDENCE)
    assert "warning: Cierra también lo de los adultos.\n  what to do: read it to the" in opted.stderr
    assert answer("subscriber", "set-profile", "S-9", "teenagers")["warnings"] == []
    assert answer("subscriber", "set-profile", "S-9", "night")["warnings"] == [
        "Cierra también lo de los adultos.",
        "empty: nothing is listed yet of games, so nothing is closed there",
    ]
    answer("snapshot", "build")
    open_at_night = run("check", "www.chat.test.example", "--subscriber", "S-9").stdout
    sentence = (
        "at this hour the schedule of profile night blocks everything, and leaves messaging (Mensajes) open"
    )
    assert sentence in open_at_night
    closed = run("check", "bank.test.example", "--subscriber", "S-9").stdout
    assert "at this hour the schedule of profile night blocks everything" in closed
    assert "open" not in closed.partition("why")[2].partition("\n")[0]


def test_a_profile_that_restricts_what_no_feed_fills_says_so(
    installation: Path, run: Run, answer: Answer
) -> None:
    assert "empty: nothing is listed yet of games" in run("profile", "show", "children").stderr
    assert "filterd feed list --ready" in run("profile", "show", "children").stderr
    assert answer("profile", "show", "children")["empty"] == ["games"]
    assert answer("profile", "show", "teenagers")["empty"] == []
    assert [each.partition(":")[0] for each in answer("config", "check")["remarks"]] == ["category games"]
    about = (
        "{title: {es: L, en: F}, publisher: F, licence: MIT, address_from: a page, address_on: 2026-11-26}"
    )
    far = "{id: far, source: 'https://far.lists.example/n.txt', format: domains, category: games, about: %s}"
    ready = installation.parent / "policies/feeds.d/own.yaml"
    ready.parent.mkdir()
    ready.write_text(f"- {far % about}\n")
    assert answer("profile", "show", "children")["empty"] == ["games"], (
        "a ready feed that is off fills nothing"
    )
    answer("feed", "enable", "far")
    assert answer("profile", "show", "children")["empty"] == []
    assert answer("config", "check")["remarks"] == []


def test_a_profile_is_read_out_before_it_is_chosen(installation: Path, run: Run, answer: Answer) -> None:
    """Also where the request is then refused: for want of evidence, nothing is recorded."""
    (installation.parent / "policies/profiles/night.yaml").write_text(NIGHT.replace("[messaging]", "[]"))
    (installation.parent / "policies/services.yaml").write_text(
        "[{id: chat, title: {es: Charla, en: Chat}, names: {subtree: [talk.test.example]}}]"
    )
    night = installation.parent / "policies/profiles/night.yaml"
    night.write_text(night.read_text() + WARNING)
    answer("subscriber", "add", "S-9")
    refused = run("subscriber", "opt-in", "S-9", "--profile", "night")
    assert refused.exit_code == 1
    assert "Cierra también lo de los adultos." in refused.stderr
    done = run("subscriber", "opt-in", "S-9", "--profile", "night", *EVIDENCE).stderr
    read_out = [done.index("No cierra los datos"), done.index("Cierra también"), done.index("recorded;")]
    assert read_out == sorted(read_out)
    moved = answer("subscriber", "set-profile", "S-9", "night")
    assert moved["limits"] == ["No cierra los datos móviles."]


@pytest.mark.ring("night")
def test_an_allow_name_that_opens_nothing_warns(installation: Path, run: Run, answer: Answer) -> None:
    """The name stands in a category, and behind it in a way around that no own name opens."""
    policies = installation.parent / "policies"
    (policies / "bypass.yaml").write_text(
        "- {id: tunnel, title: {es: T, en: T}, names: {subtree: [tunnel.example]}}"
    )
    children = policies / "profiles/children.yaml"
    children.write_text(children.read_text().replace("categories:", "bypass: [tunnel], categories:"))
    (policies / "lists/adult.txt").write_text("adult.test.example\ntunnel.example\n")
    answer("subscriber", "add", "S-9")
    answer("subscriber", "opt-in", "S-9", "--profile", "children", *EVIDENCE)
    answer("feed", "update")
    answer("snapshot", "build")
    advised = run("check", "tunnel.example", "--subscriber", "S-9").stdout
    assert "filterd subscriber allow" not in advised
    assert "filterd subscriber pause S-9" in advised
    warned = run("subscriber", "allow", "S-9", "tunnel.example")
    assert warned.exit_code == 0
    assert "warning: tunnel.example stays blocked (at " in warned.stderr
    assert "a way around the resolver: tunnel (T)" in warned.stderr
    assert "filterd subscriber set-profile S-9 PROFILE" in warned.stderr
    assert answer("subscriber", "allow", "S-9", "adult.test.example")["warnings"] == []
