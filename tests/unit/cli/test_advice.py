"""What the commands say beside the result: why, what to do next, and nothing that misleads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.message
import dns.rrset
import pytest
from click.testing import CliRunner, Result

from filterd.cli import checking, options
from filterd.cli.main import main
from filterd.operations import advice
from filterd.operations.check import OrderOnNode
from filterd.operations.explain import ExplainedStage, Explanation

Run = Callable[..., Result]
Answer = Callable[..., Any]

EVIDENCE = ("--who", "the holder", "--text-version", "2026-11", "--reference", "ticket 7")
DEMAND = ("--authority", "A court", "--official", "Judge", "--document", "1/2026", "--ground", "Art. 1")
REASON = ("--reason", "served today")


def found(reason: str, *, verdict: str = "block", part: str = "query", **stage: Any) -> Explanation:
    """An explanation in which one stage decided."""
    decisive = ExplainedStage(reason, part, "allowed" if reason == "own_allow" else "decided", **stage)
    other = ExplainedStage("mandatory", "answer", "no match")
    who = {"method": "binding", "line": 3, "subscriber": "casa-5", "profile": "children"}
    identity = {**who, "opted_in": True, "paused": False}
    stages = (decisive, other)
    return Explanation(
        name="a.example",
        type="A",
        at=1,
        verdict=verdict,
        reason=reason,
        blocking_mode="",
        rcode="",
        ede=(),
        protected=False,
        own_allow=False,
        excepted=False,
        suspended_until=0,
        valid_until=0,
        stages=stages,
        identity=identity,
        revision=1,
        snapshot_revision=1,
        digest="",
    )


@pytest.mark.parametrize(
    ("reason", "stage", "sentence", "command"),
    [
        ("mandatory", {"order": "O-7"}, "order O-7 blocks it for every line", "filterd order show O-7"),
        ("mandatory", {"list": "worst"}, "the mandatory list worst", "filterd feed show worst"),
        ("own_deny", {"matched_name": "b.example"}, "the line itself blocks b.", "remove casa-5 b."),
        ("schedule", {"list": "schedule"}, "children blocks everything", "pause casa-5 --for 1h"),
        ("service", {"list": "chat", "title": "Chat"}, "restricts service chat (Chat)", "allow casa-5 a."),
        (
            "category",
            {"list": "starter", "category": "adult", "title": "Adultos"},
            "profile children restricts list starter, category adult (Adultos)",
            "filterd subscriber allow casa-5 a.example",
        ),
        ("bypass", {"list": "vpn", "title": "VPN"}, "around the resolver: vpn (VPN)", "set-profile casa-5"),
        ("security", {"list": "malware"}, "security list malware", "leave-security casa-5"),
        ("safe_search", {"list": "google"}, "safe host of google", "pause casa-5"),
    ],
)  # fmt: skip
def test_each_reason_has_a_sentence_and_a_command(
    reason: str, stage: dict[str, str], sentence: str, command: str
) -> None:
    explanation = found(reason, **stage)
    assert sentence in advice.why(explanation)
    assert command in advice.next_step(explanation)


def test_a_client_that_may_not_ask_is_told_which_key_says_so() -> None:
    refused = replace(found("client", verdict="refuse"), identity={"method": "refused", "line": None})
    assert "dns.allow_from" in advice.why(refused)
    assert "dns.allow_from" in advice.next_step(refused)


def test_what_needs_no_remedy_gives_none() -> None:
    for reason in ("local", "special_use"):
        assert advice.why(found(reason, verdict="local"))
        assert advice.next_step(found(reason, verdict="local")) == ""
    allowed = found("own_allow", verdict="pass", matched_name="a.example")
    assert advice.why(allowed) == "the line itself allows a.example"
    assert advice.next_step(allowed) == ""


def test_a_name_that_passes_may_be_blocked_by_an_order_that_a_node_keeps(capsys: Any) -> None:
    passed = replace(found("none", verdict="pass"), stages=(), kept_orders=(OrderOnNode("r-1", "O-12"),))
    assert "but nodes keep orders that are not looked at here" in advice.why(passed)
    checking.show(passed)
    said = capsys.readouterr().err
    assert "O-12 on r-1" in said
    assert "may be blocked there" in said
    assert "filterd node resync" in said


def passed(*stages: ExplainedStage, **changes: Any) -> Explanation:
    """An explanation of a name that passes, on no line."""
    nobody = {"method": "unknown", "line": None}
    return replace(found("none", verdict="pass"), stages=stages, identity=nobody, **changes)


UNJUDGED = ExplainedStage("mandatory", "answer", "not evaluated")


def test_an_answer_that_was_asked_for_is_not_asked_for_again(capsys: Any) -> None:
    assert "add --resolve" in advice.next_step(passed(UNJUDGED))
    seen = passed(UNJUDGED, answer_seen=True)
    assert advice.next_step(seen) == ""
    assert advice.why(seen).endswith("its answer holds nothing that is judged (aliases, targets, addresses)")
    checking.show(seen)
    assert "nothing to judge" in capsys.readouterr().out


def test_a_ds_question_that_passes_says_that_others_do_not() -> None:
    """Decision 0139."""
    ds = passed(UNJUDGED, verdict_of_a="block by mandatory")
    assert "the parent zone's data" in advice.why(ds)
    assert advice.why(ds).endswith("an A question gets: block by mandatory")
    assert advice.next_step(ds) == "what blocks it: filterd check a.example"
    on_line = replace(ds, identity=found("none").identity)
    assert advice.next_step(on_line) == "what blocks it: filterd check a.example --subscriber casa-5"


@pytest.mark.parametrize(
    ("stage", "says"),
    [
        (
            ExplainedStage("mandatory", "query", "lifted", order="O-48", matched_name="a.example"),
            "order O-48",
        ),
        (ExplainedStage("mandatory", "query", "lifted", order="O-48"), "an order"),
        (ExplainedStage("mandatory", "query", "lifted", confidential=True), "a mandatory rule, confidential"),
        (
            ExplainedStage("security", "query", "lifted", list="malware", matched_name="a."),
            "the list malware",
        ),
        (ExplainedStage("schedule", "query", "lifted", list="schedule"), "the schedule"),
        (ExplainedStage("mandatory", "answer", "lifted", order="O-9", matched_name="cdn."), "order O-9"),
    ],
)
def test_a_protected_name_says_what_its_protection_lifts(stage: ExplainedStage, says: str) -> None:
    explained = passed(stage, UNJUDGED, protected=True)
    assert advice.why(explained) == f"the name is protected, which lifts {says} for everybody"
    assert "nothing that holds for everybody" in advice.why(replace(explained, protected=False))


@pytest.mark.ring("merge")
def test_a_restored_store_without_lines_says_that_opt_ins_are_over(run: Run) -> None:
    said = run("restore", "--in-place", "--reason", "there is no backup").stderr
    assert "this store has no lines" in said
    assert "all opt-ins end at once" in said
    assert run("subscriber", "add", "one").exit_code == 0
    assert "opt-ins" not in run("restore", "--in-place", "--reason", "again").stderr


@pytest.mark.ring("night")
def test_check_says_why_and_what_next(answer: Answer, run: Run, tmp_path: Path) -> None:
    answer("feed", "update")
    answer("snapshot", "build")
    answer("subscriber", "add", "one", "--prefix", "10.0.0.1")
    asked = run("check", "adult.test.example", "--client", "10.0.0.1").stdout
    assert "the line has not opted in to a profile" in asked
    assert "add --resolve" in asked
    answer("subscriber", "opt-in", "one", "--profile", "children", *EVIDENCE)
    shown = run("check", "adult.test.example", "--client", "10.0.0.1").stdout
    assert "1, subscriber one (by binding)" in shown
    assert "answered    NXDOMAIN, EDE 17\n" in shown
    assert "profile children restricts list starter-adult, category adult (Adultos)" in shown
    assert "filterd subscriber allow one adult.test.example" in shown
    assert shown.count("not evaluated") == shown.count("query  ") - 10 + 1
    stages = answer("check", "adult.test.example", "--subscriber", "one")
    decided = next(each for each in stages["stages"] if each["outcome"] == "decided")
    assert (decided["category"], decided["title"]) == ("adult", "Adultos")
    assert stages["identity"]["subscriber"] == "one"
    unknown = run("check", "adult.test.example", "--client", "10.0.0.9").stdout
    assert "no line is known" in unknown
    answer("subscriber", "pause", "one")
    assert "its profile is paused" in run("check", "adult.test.example", "--subscriber", "one").stdout
    answer("subscriber", "resume", "one")
    message = dns.message.make_response(dns.message.make_query("cloaked.test.example", "A"))
    message.answer.append(
        dns.rrset.from_text("cloaked.test.example.", 60, "IN", "CNAME", "adult.test.example.")
    )
    (tmp_path / "answer").write_bytes(message.to_wire())
    cloaked = run(
        "check", "cloaked.test.example", "--subscriber", "one", "--answer", str(tmp_path / "answer")
    )
    assert "not for the name itself, but for adult.test.example in its answer" in cloaked.stdout


def test_an_order_lacks_everything_at_once(run: Run) -> None:
    refused = run("order", "add")
    assert refused.exit_code == 2
    assert "a NAME, --authority, --official, --document, --ground, --reason" in refused.stderr


@pytest.mark.ring("night")
@pytest.mark.parametrize("confidential", [False, True])
def test_an_order_whose_names_became_protected_says_so(
    answer: Answer, run: Run, installation: Path, tmp_path: Path, confidential: bool
) -> None:
    names = tmp_path / "names"
    names.write_text("hotline.example\nother.example\n")
    flags = ("--confidential",) if confidential else ()
    run("order", "add", "--file", str(names), *flags, *DEMAND, *REASON)
    assert answer("order", "show", "O-1")["protected"] == {"count": 0, "names": []}
    assert "protected" not in run("order", "show", "O-1").stdout
    protected = installation.parent / "policies/protected.yaml"
    protected.write_text("{public_suffixes: true, names: {subtree: [hotline.example]}}")
    answer("feed", "update")
    answer("snapshot", "build")
    shown = run("order", "show", "O-1").stdout
    assert "1 now protected (protected.yaml), answered in spite of the order" in shown
    assert ("hotline.example" in shown) is not confidential
    told = [] if confidential else ["hotline.example"]
    assert answer("order", "show", "O-1")["protected"] == {"count": 1, "names": told}
    asked = run("check", "www.hotline.example").stdout
    lifts = "a mandatory rule, confidential" if confidential else "order O-1"
    assert f"the name is protected, which lifts {lifts} for everybody" in asked
    assert f"{lifts} blocks it for every line" in run("check", "other.example").stdout
    protected.write_text("")
    assert answer("order", "show", "O-1")["protected"] is None
    run("order", "withdraw", "O-1", *REASON)
    protected.write_text("{public_suffixes: true, names: {subtree: [hotline.example]}}")
    assert answer("order", "show", "O-1")["protected"] == {"count": 0, "names": []}


def test_an_order_on_a_protected_name_says_so_and_what_to_do(
    answer: Answer, run: Run, tmp_path: Path
) -> None:
    for command in (("order", "add", "help.example", *DEMAND, *REASON), ("order", "show", "O-1")):
        shown = run(*command)
        assert "quarantined" in shown.stdout
        assert "would block help.example, protected" in shown.stderr
        assert "filterd order withdraw O-1" in shown.stderr
    (tmp_path / "names").write_text("help.example\n")
    secret = run("order", "add", *DEMAND, *REASON, "--confidential", "--file", str(tmp_path / "names"))
    assert "would block 1 names, protected" in secret.stderr
    assert "help.example" not in secret.stdout + secret.stderr


def test_an_order_tells_who_did_what_and_whether_it_holds(answer: Answer, run: Run) -> None:
    added = run("order", "add", "a.test.example", *DEMAND, *REASON)
    assert re.search("state +in force\n", added.stdout)
    assert re.search("approved +-\n", added.stdout)
    assert "nodes apply it within a second" in added.stderr
    later = ("--not-before", "2100-01-01T00:00:00Z")
    assert answer("order", "add", "b.test.example", *DEMAND, *REASON, *later)["in_force"] is False
    assert "not yet in force" in run("order", "list").stdout
    withdrawn = run("order", "withdraw", "O-1", "--reason", "wrong name")
    assert re.search("withdrawn .* by .*: wrong name\n", withdrawn.stdout)
    assert answer("order", "show", "O-1")["in_force"] is False
    trail = answer("audit", "tail", "--of", "order:O-1")
    assert [each["entry"]["action"] for each in trail] == ["order.add", "order.withdraw"]
    assert "unknown order 'O-9'" in run("audit", "tail", "--of", "order:O-9").stderr


def test_evidence_that_is_missing_is_named_as_options(run: Run) -> None:
    run("subscriber", "add", "one")
    refused = run("subscriber", "opt-in", "one", "--profile", "children")
    assert "--who, --text-version, --reference" in refused.stderr
    assert "--profile PROFILE --who" in run("subscriber", "pause", "one").stderr


def test_a_url_is_answered_with_the_name_in_it(run: Run) -> None:
    run("subscriber", "add", "one")
    pasted = "https://Escuela.example/portal?x=1"
    refused = run("exception", "add", pasted, "--for", "1h", "--reason", "r")
    assert "write it like escuela.example" in refused.stderr
    assert "taken as escuela.example" in run("subscriber", "allow", "one", pasted).stderr
    assert "write it like example.org" in run("subscriber", "allow", "one", "https://[/").stderr


def test_a_pause_ends_by_the_clock_on_the_wall_too(answer: Answer, run: Run) -> None:
    run("subscriber", "add", "one")
    run("subscriber", "opt-in", "one", "--profile", "children", *EVIDENCE)
    assert "in America/Mexico_City)" in run("subscriber", "pause", "one").stdout


def test_a_profile_is_shown_as_subscribers_read_it(answer: Answer, run: Run) -> None:
    shown = run("profile", "show", "children").stdout
    assert "categories     adult (Adultos), games (Juegos)\n" in shown
    assert answer("profile", "show", "children")["titles"]["categories"]["adult"] == {
        "es": "Adultos",
        "en": "Adult",
    }


def test_a_feed_in_trouble_is_told_in_the_list(answer: Answer, run: Run, installation: Path) -> None:
    assert "unchanged" not in run("feed", "update").stderr
    assert run("feed", "update").stderr == ""
    (installation.parent / "policies/lists/adult.txt").unlink()
    failed = run("feed", "update")
    assert "starter-adult: failed: " in failed.stderr
    assert "reaches the nodes" not in failed.stderr
    assert "(filterd feed show starter-adult)" in run("feed", "list").stderr


def test_a_held_back_feed_says_how_to_let_it_in(answer: Answer, run: Run, installation: Path) -> None:
    answer("feed", "update")
    file = installation.parent / "policies/feeds.yaml"
    file.write_text(file.read_text().replace("category:", "guard: {min_names: 2}, category:"))
    assert "--accept --reason" in run("feed", "update").stderr


@pytest.mark.ring("night")
def test_a_first_snapshot_waits_for_lists_and_says_so(answer: Answer, run: Run) -> None:
    refused = run("snapshot", "build")
    assert refused.exit_code == 1
    assert "nothing has tried to read yet: starter-adult" in refused.stderr
    assert "run: filterd feed update" in refused.stderr
    run("feed", "update")
    assert answer("snapshot", "build")["unread"] == []


def test_without_a_configuration_file_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FILTERD_CONFIG", raising=False)
    nowhere = tmp_path / "filterd.yaml"
    monkeypatch.setattr(options, "DEFAULT_CONFIG", nowhere)
    failure = options.refused(None, "there is no store", "run: filterd store migrate")
    assert "no configuration file was read" in failure.messages[1]
    assert (
        failure.remedy == "name the file with --config or in FILTERD_CONFIG; else run: filterd store migrate"
    )
    assert options.refused(nowhere, "no", "do").messages == ["no"]
    missing = CliRunner().invoke(main, ["subscriber", "list", "--config", str(nowhere)])
    assert missing.exit_code == 2
    assert "name the file with --config" in missing.stderr


def test_the_configuration_that_is_valid_is_named(answer: Answer, run: Run, installation: Path) -> None:
    assert str(installation) in run("config", "check").stdout
    assert answer("config", "check")["file"] == str(installation)


@pytest.mark.parametrize(
    ("file", "state"), [("profiles/typo.yaml", "current"), ("feeds.yaml", "entry not read")]
)
def test_feeds_in_force_are_listed_while_the_policies_have_errors(
    answer: Answer, run: Run, installation: Path, file: str, state: str
) -> None:
    answer("feed", "update")
    (installation.parent / "policies" / file).write_text("- {")
    shown = run("feed", "list")
    assert shown.exit_code == 1
    assert "starter-adult" in shown.stdout
    assert state in shown.stdout
    assert file in shown.stderr
    assert "filterd config check" in shown.stderr
    assert "retire" not in shown.stderr
    (listed,) = json.loads(run("feed", "list", "--json").stdout)
    assert (listed["state"], listed["orphaned"]) == (state, None)
