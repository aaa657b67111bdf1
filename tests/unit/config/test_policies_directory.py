"""The policies directory: what each document may say; all problems come at once with file and path."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filterd.config.policies import PoliciesError, icann_suffixes, load_policies
from filterd.model.blocking_mode import BlockingMode
from filterd.model.rule import NameRule, Scope
from filterd.model.slot import Slot
from filterd.policy.classes import FIRST_FREE_BIT, assign
from filterd.policy.documents import Format, Use
from filterd.policy.jurisdictions import DeadlineClock, DeadlineKind
from filterd.policy.snapshot_layout import CLASS_BITS

TEXT = '{es: "a", en: "b"}'
CATEGORY = f"{{id: adult, title: {TEXT}, description: {TEXT}}}"
SMALL = {
    "categories.yaml": f"[{CATEGORY}]",
    "feeds.yaml": "[]",
    "services.yaml": "[]",
    "safesearch.yaml": "[]",
    "bypass.yaml": "[]",
    "protected.yaml": "public_suffixes: true",
    "expected.yaml": "{}",
}
WRONG = {
    "categories.yaml": f"[{{id: Bad Id, title: x, colour: red}}, {CATEGORY}]",
    "feeds.yaml": """
- {id: a, source: "http://lists.example/a", format: adblok, category: adult}
- {id: a, source: b, format: domains, category: adlut}
- {id: b, source: b, format: domains}
- {id: c, source: b, format: domains, category: adult, security: {}}
- {id: d, source: b, format: domains, mandatory: {authority: x}, guard: {max_shrink: 2}, refresh: soon}
""",
    "services.yaml": f"[{{id: s, title: {TEXT}, names: {{exact: [UP.example, a.example, a.example]}}}}]",
    "safesearch.yaml": f"""
- {{id: e1, engine: e, title: {TEXT}, target: safe.e.example, names: {{exact: [e.example]}}}}
- {{id: e2, engine: e, title: {TEXT}, target: "safe e", names: {{}}}}
""",
    "bypass.yaml": f"[{{id: b, title: {TEXT}}}, {{id: c, title: {TEXT}, addresses: [10.0.0.1/8]}}]",
    "protected.yaml": "names: {subtree: [a.example]}",
    "expected.yaml": "google.com: [none-such]",
    "profiles/p.yaml": f"""
title: {TEXT}
description: {TEXT}
audience: {{es: "a"}}
categories: [adult, adult, other]
safe_search: [e1, e2, e3]
services: [t]
bypass: [none]
blocking_mode: refused
schedule:
  - {{days: [monday], from: "25:00", until: "07:00", block: [games]}}
  - {{from: "07:00", until: "07:00", block: []}}
""",
}
WRONG_PLACES = {
    "categories.yaml[0].id",
    "categories.yaml[0].title",
    "categories.yaml[0].description",
    "categories.yaml[0].colour",
    "feeds.yaml",
    "feeds.yaml[0].source",
    "feeds.yaml[0].format",
    "feeds.yaml[1].category",
    "feeds.yaml[2]",
    "feeds.yaml[3]",
    "feeds.yaml[4].mandatory.ground",
    "feeds.yaml[4].guard.max_shrink",
    "feeds.yaml[4].refresh",
    "services.yaml[0].names",
    "services.yaml[0].names.exact[0]",
    "safesearch.yaml[1].target",
    "safesearch.yaml[1].names",
    "bypass.yaml[0]",
    "bypass.yaml[1].addresses[0]",
    "protected.yaml.public_suffixes",
    "expected.yaml.google.com",
    "profiles/p.yaml.audience.en",
    "profiles/p.yaml.categories",
    "profiles/p.yaml.services",
    "profiles/p.yaml.bypass",
    "profiles/p.yaml.safe_search",
    "profiles/p.yaml.blocking_mode",
    "profiles/p.yaml.schedule[0].days",
    "profiles/p.yaml.schedule[0].days[0]",
    "profiles/p.yaml.schedule[0].from",
    "profiles/p.yaml.schedule[0].block",
    "profiles/p.yaml.schedule[1]",
    "profiles/p.yaml.schedule[1].days",
}


def write(directory: Path, files: dict[str, str]) -> None:
    """Writes the files, making what directories they need."""
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A small directory that is right."""
    write(tmp_path, SMALL)
    (tmp_path / "profiles").mkdir()
    return tmp_path


def problems(directory: Path) -> dict[str, str]:
    """What is wrong with the directory, by place."""
    with pytest.raises(PoliciesError) as caught:
        load_policies(directory)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_small_directory(directory: Path) -> None:
    policies = load_policies(directory)
    assert [each.id for each in policies.categories] == ["adult"]
    assert policies.protected.public_suffixes


def test_no_directory(tmp_path: Path) -> None:
    assert "is no directory" in problems(tmp_path / "missing")[str(tmp_path / "missing")]


@pytest.mark.parametrize("file", sorted(SMALL))
def test_a_file_that_went_missing_is_an_error(directory: Path, file: str) -> None:
    (directory / file).unlink()
    assert "cannot be read" in problems(directory)[file]


@pytest.mark.parametrize("file", [*sorted(SMALL), "profiles/p.yaml", "jurisdictions/j.yaml"])
@pytest.mark.parametrize("text", ["", "\n", "# Everything else was cut off.\n", "---\n", "null\n"])
def test_a_file_that_was_emptied_is_an_error(directory: Path, file: str, text: str) -> None:
    write(directory, {file: text})
    found = problems(directory)
    assert set(found) == {file}
    assert found[file].startswith("is empty, as a file that was cut off is")


def test_a_file_may_say_that_nothing_is_meant(directory: Path) -> None:
    write(directory, {"categories.yaml": "[]"})
    assert load_policies(directory).categories == ()


def test_folders_may_be_missing(directory: Path) -> None:
    shutil.rmtree(directory / "profiles")
    assert load_policies(directory).profiles == ()


def test_feeds(directory: Path) -> None:
    feeds = """
- {id: one, source: lists/a.txt, format: hosts, category: adult, refresh: 6h}
- id: two
  source: /var/lists/b.xz
  format: wildcard
  scope: below
  mandatory: {authority: interpol, ground: adopted-list, blocking_mode: nodata, confidential: true}
  guard: {min_names: 10, max_shrink: 0.2, max_grow: 3}
- {id: three, source: c, format: domains, security: {}}
"""
    write(directory, {"feeds.yaml": feeds})
    one, two, three = load_policies(directory).feeds
    assert (one.use, one.scope, one.format) == (Use.CATEGORY, Scope.EXACT, Format.HOSTS)
    assert one.refresh == 21600
    assert (two.use, two.scope, two.confidential) == (Use.MANDATORY, Scope.BELOW, True)
    assert two.mandatory is not None
    assert two.mandatory.blocking_mode is BlockingMode.NODATA
    assert (two.guard.min_names, two.guard.max_shrink, two.guard.max_grow) == (10, 0.2, 3)
    assert (three.use, three.scope) == (Use.SECURITY, Scope.SUBTREE)
    assert (three.guard.min_names, three.guard.max_shrink, three.guard.max_grow) == (1, 0.5, 10)


def test_profiles_and_schedules(directory: Path) -> None:
    profile = f"""
title: {TEXT}
description: {TEXT}
audience: {TEXT}
categories: [adult]
blocking_mode: "null"
schedule:
  - {{days: [sun, mon], from: 21:30, until: "07:00", block: everything}}
  - {{days: daily, from: "12:00", until: "24:00", block: [adult]}}
"""
    write(directory, {"profiles/nights.yaml": profile})
    (found,) = load_policies(directory).profiles
    assert found.id == "nights"
    assert found.blocking_mode is BlockingMode.NULL
    assert found.schedule == (
        Slot((0, 6), 21 * 60 + 30, 7 * 60, everything=True),
        Slot(tuple(range(7)), 720, 1440, categories=("adult",)),
    )


GROUPS = f"""
public_suffixes: true
groups:
- {{id: messaging, title: {TEXT}, names: {{subtree: [chat.example], exact: [push.example]}}}}
- {{id: banks, title: {TEXT}, names: {{subtree: [bank.example]}}}}
"""
SERVICE = f"[{{id: t, title: {TEXT}, names: {{subtree: [t.example]}}}}]"


def nights(*slots: str, more: str = "") -> str:
    """A profile with these slots of every night."""
    night = 'days: daily, from: "21:00", until: "06:00"'
    return PROFILE + more + f"schedule: [{', '.join(f'{{{night}, {slot}}}' for slot in slots)}]\n"


def test_slots_that_leave_groups_open_and_close_services(directory: Path) -> None:
    slots = (
        "block: everything",
        "block: everything, leaves: [banks]",
        "block: everything, leaves: []",
        "block: {categories: [adult], services: [t]}",
        "block: {services: [t]}",
    )
    profile = nights(*slots, more=f"warning: {TEXT}\nlimits: {TEXT}\n")
    write(directory, {"protected.yaml": GROUPS, "services.yaml": SERVICE, "profiles/p.yaml": profile})
    policies = load_policies(directory)
    found = policies.profiles[0]
    assert [slot.leaves for slot in found.schedule] == [None, ("banks",), (), None, None]
    assert [slot.categories for slot in found.schedule[3:]] == [("adult",), ()]
    assert [slot.services for slot in found.schedule[3:]] == [("t",), ("t",)]
    assert found.warning is not None and found.limits is not None
    assert policies.remarks == ()
    messaging, banks = policies.protected.groups
    assert messaging.names == (
        NameRule("push.example", Scope.EXACT),
        NameRule("chat.example", Scope.SUBTREE),
    )
    assert (banks.id, banks.title.es) == ("banks", "a")


@pytest.mark.parametrize(
    ("slot", "place", "said"),
    [
        ("block: everything, leaves: [bank]", "leaves", "no group of always-allowed names bank"),
        ("block: [adult], leaves: [banks]", "leaves", "is for block: everything"),
        ("block: {services: [u]}", "block", "no service u (there are: t)"),
        ("block: {names: [a.example]}", "block.names", "unknown"),
    ],
)
def test_slots_that_are_refused(directory: Path, slot: str, place: str, said: str) -> None:
    profile = nights(slot, more=f"warning: {TEXT}\n")
    write(directory, {"protected.yaml": GROUPS, "services.yaml": SERVICE, "profiles/p.yaml": profile})
    (where, message), *more = problems(directory).items()
    assert (where, more) == (f"profiles/p.yaml.schedule[0].{place}", [])
    assert said in message


@pytest.mark.parametrize("identifier", ["always-allowed", "banks"])
def test_a_group_has_an_id_of_its_own(directory: Path, identifier: str) -> None:
    group = f"- {{id: {identifier}, title: {TEXT}, names: {{subtree: [x.example]}}}}\n"
    write(directory, {"protected.yaml": GROUPS + group})
    assert list(problems(directory)) == ["protected.yaml.groups"]


def test_a_profile_that_blocks_everything_without_a_warning_is_remarked_on(directory: Path) -> None:
    write(
        directory,
        {"profiles/p.yaml": nights("block: everything"), "profiles/q.yaml": nights("block: [adult]")},
    )
    (remark,) = load_policies(directory).remarks
    assert remark.startswith("profiles/p.yaml: blocks everything at some hours")


def test_names_by_scope(directory: Path) -> None:
    names = "{exact: [a.example], subtree: [b.example], below: [c.example]}"
    write(directory, {"services.yaml": f"[{{id: s, title: {TEXT}, names: {names}}}]"})
    assert load_policies(directory).services[0].names == (
        NameRule("a.example", Scope.EXACT),
        NameRule("b.example", Scope.SUBTREE),
        NameRule("c.example", Scope.BELOW),
    )


def test_all_problems_at_once(directory: Path) -> None:
    write(directory, WRONG)
    assert problems(directory).keys() == WRONG_PLACES


def test_an_unknown_id_is_answered_with_those_that_exist(directory: Path) -> None:
    write(directory, {"feeds.yaml": "[{id: a, source: b, format: domains, category: adlut}]"})
    assert problems(directory)["feeds.yaml[0].category"] == "no category adlut (there are: adult)"


def test_an_unknown_id_of_many_is_answered_with_those_that_are_near(directory: Path) -> None:
    names = "{exact: [a.example]}"
    ids = [*(f"game-{number}" for number in range(50)), "tiktok"]
    write(
        directory, {"services.yaml": "\n".join(f"- {{id: {i}, title: {TEXT}, names: {names}}}" for i in ids)}
    )
    about = f"title: {TEXT}\ndescription: {TEXT}\naudience: {TEXT}\n"
    write(directory, {"profiles/p.yaml": about + "services: [tik-tok, zzz]"})
    with pytest.raises(PoliciesError) as caught:
        load_policies(directory)
    near, far = (problem.message for problem in caught.value.problems)
    assert near == "no service tik-tok (there are 51; did you mean tiktok?)"
    assert far == "no service zzz (there are 51)"


def test_services_stand_in_groups(directory: Path) -> None:
    service = f"[{{id: s, title: {TEXT}, group: music, names: {{exact: [a.example]}}}}]"
    write(directory, {"services.yaml": service})
    assert load_policies(directory).service_groups == (), "without titles a group is only a word"
    write(directory, {"service-groups.yaml": f"[{{id: music, title: {TEXT}}}]"})
    policies = load_policies(directory)
    assert [each.id for each in policies.service_groups] == ["music"]
    assert policies.services[0].group == "music"
    write(directory, {"service-groups.yaml": f"[{{id: games, title: {TEXT}}}]"})
    assert problems(directory) == {"services.yaml[0].group": "no group of services music (there are: games)"}


def test_an_emptied_file_of_groups_is_an_error(directory: Path) -> None:
    write(directory, {"service-groups.yaml": ""})
    assert "is empty" in problems(directory)["service-groups.yaml"]


def test_more_mandatory_lists_than_ids(directory: Path) -> None:
    feed = "- {{id: m{}, source: a, format: domains, mandatory: {{authority: a, ground: b}}}}\n"
    write(directory, {"feeds.yaml": "".join(feed.format(number) for number in range(257))})
    assert problems(directory) == {"feeds.yaml": "more than 256 mandatory feeds"}


def test_more_lists_than_class_bits(directory: Path) -> None:
    def services(count: int) -> dict[str, str]:
        entries = (f"{{id: s{n}, title: {TEXT}, names: {{exact: [s{n}.example]}}}}" for n in range(count))
        return {"services.yaml": f"[{', '.join(entries)}]"}

    write(directory, services(CLASS_BITS - FIRST_FREE_BIT))
    assign(load_policies(directory))
    write(directory, services(CLASS_BITS - FIRST_FREE_BIT + 1))
    count = CLASS_BITS - FIRST_FREE_BIT + 1
    assert problems(directory) == {
        "services.yaml": f"too many lists with a class bit: {count}, with room for {count - 1}; "
        f"there are {count} in services.yaml: take out what no profile uses"
    }


def test_more_observed_lists_than_bits(directory: Path) -> None:
    feed = "- {{id: o{}, source: a, format: domains, category: adult, observe: true}}\n"
    write(directory, {"feeds.yaml": "".join(feed.format(number) for number in range(65))})
    assert "too many observed lists: 65, with room for 64" in problems(directory)["feeds.yaml"]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ("exact: [help.example]", "help.example"),
        ("subtree: [example]", "help.example, care.example"),
        ("subtree: [www.care.example]", "care.example"),
        ("exact: [www.help.example, carecare.example]", ""),
    ],
)
def test_safe_search_does_not_rewrite_protected_names(directory: Path, names: str, kept: str) -> None:
    protected = "public_suffixes: true\nnames: {exact: [help.example], subtree: [care.example]}"
    engine = f"[{{id: e, engine: e, title: {TEXT}, target: safe.test, names: {{{names}}}}}]"
    write(directory, {"protected.yaml": protected, "safesearch.yaml": engine})
    if not kept:
        load_policies(directory)
        return
    message = (
        f"would answer protected names with the safe host: {kept}; protected.yaml says that they stay as"
    )
    assert problems(directory)["safesearch.yaml[0].names"].startswith(message)


def test_a_shipped_safe_search_entry_is_remarked_on(directory: Path, tmp_path: Path) -> None:
    """An upgrade that ships another entry is not at odds with a file that was right."""
    engine = f"[{{id: e, engine: e, title: {TEXT}, target: safe.test, names: {{exact: [e.example]}}}}]"
    write(directory, {"safesearch.yaml": engine})
    own = tmp_path / "own"
    own.mkdir()
    write(own, {"protected.yaml": "names: {exact: [e.example]}"})
    (remark,) = load_policies(own, directory).remarks
    assert "would answer protected names with the safe host: e.example;" in remark


@pytest.mark.parametrize("block", ["[]", "{categories: [], services: []}", "{}"])
def test_a_slot_that_blocks_nothing_is_remarked_on(directory: Path, block: str) -> None:
    slot = f"{{days: daily, from: '21:00', until: '07:00', block: {block}}}"
    profile = f"title: {TEXT}\ndescription: {TEXT}\naudience: {TEXT}\nschedule: [{slot}]\n"
    write(directory, {"profiles/p.yaml": profile})
    (remark,) = load_policies(directory).remarks
    assert remark.startswith("profiles/p.yaml.schedule[0].block: blocks nothing")


def test_a_file_that_is_no_yaml_is_reported_with_the_others(directory: Path) -> None:
    write(directory, {"feeds.yaml": "- [", "expected.yaml": "a.example: []\na.example: []"})
    found = problems(directory)
    assert "is not YAML" in found["feeds.yaml"]
    assert "stands twice" in found["expected.yaml"]


def test_jurisdictions(directory: Path) -> None:
    law = f"""
title: {TEXT}
calendar:
  zone: America/Mexico_City
  weekend: [sat, sun]
  holidays: [{{title: a, date: "09-16"}}, {{title: b, month: 2, weekday: mon, nth: 1}}]
authorities: [{{id: x, title: {TEXT}}}]
grounds:
- {{id: g, title: {TEXT}, law: "L 1", authorities: [x], enforce: {{days: 5, count: business}},
   report: {{hours: 6}}}}
"""
    write(directory, {"jurisdictions/xx.yaml": law})
    (found,) = load_policies(directory).jurisdictions
    ground = found.grounds[0]
    enforce, report = ground.deadline(DeadlineKind.ENFORCE), ground.deadline(DeadlineKind.REPORT)
    assert enforce is not None
    assert (enforce.days, enforce.count) == (5, DeadlineClock.BUSINESS)
    assert report is not None
    assert report.hours == 6
    assert ground.deadline(DeadlineKind.UNBLOCK) is None
    days = [(each.month, each.day, each.weekday, each.nth) for each in found.holidays]
    assert days == [(9, 16, 0, 0), (2, 0, 0, 1)]


def test_wrong_jurisdictions(directory: Path) -> None:
    law = f"""
title: {TEXT}
calendar:
  zone: Atlantis/City
  weekend: []
  holidays: [{{title: a, date: "13-01"}}, {{title: b, weekday: x}}]
authorities: [{{id: x, title: {TEXT}}}, {{id: x, title: {TEXT}}}]
grounds:
- {{id: g, title: {TEXT}, law: "L", authorities: [y], enforce: {{hours: 5, count: business}}, report: {{}}}}
"""
    write(directory, {"jurisdictions/xx.yaml": law})
    place = "jurisdictions/xx.yaml"
    assert {
        place,
        f"{place}.calendar.zone",
        f"{place}.calendar.holidays[0].date",
        f"{place}.calendar.holidays[1].weekday",
        f"{place}.grounds[0].authorities",
        f"{place}.grounds[0].enforce",
        f"{place}.grounds[0].report",
    } <= problems(directory).keys()


def test_public_suffixes() -> None:
    suffixes = icann_suffixes()
    for name in ("com", "mx", "com.mx", "gob.mx", "co.uk", "anything.ck", "xn--p1ai"):
        assert name in suffixes, name
    for name in ("example.com", "blogspot.com", "github.io", "www.ck", "unam.mx"):
        assert name not in suffixes, name
    assert suffixes.touches("example.com\ncom.mx\n")
    assert suffixes.touches("anything.ck\n")
    assert not suffixes.touches("example.com\nexample.org\n")


PROFILE = f"title: {TEXT}\ndescription: {TEXT}\naudience: {TEXT}\n"


@pytest.mark.parametrize("word", ["null", "Null", "NULL", '"null"'])
def test_null_is_a_blocking_mode(directory: Path, word: str) -> None:
    mandatory = f"{{authority: x, ground: y, blocking_mode: {word}}}"
    feed = f"[{{id: a, source: b, format: domains, mandatory: {mandatory}}}]"
    write(
        directory,
        {
            "profiles/p.yaml": PROFILE + f"categories: [adult]\nblocking_mode: {word.lower()}",
            "feeds.yaml": feed.lower(),
        },
    )
    policies = load_policies(directory)
    assert policies.profiles[0].blocking_mode is BlockingMode.NULL
    assert policies.feeds[0].mandatory is not None
    assert policies.feeds[0].mandatory.blocking_mode is BlockingMode.NULL


@pytest.mark.parametrize(
    ("file", "text", "path"),
    [
        ("profiles/p.yaml", PROFILE + "blocking_mode:", "profiles/p.yaml.blocking_mode"),
        ("profiles/p.yaml", PROFILE + "blocking_mode: ~", "profiles/p.yaml.blocking_mode"),
        ("profiles/p.yaml", PROFILE + "categories:", "profiles/p.yaml.categories"),
        ("profiles/p.yaml", PROFILE + "categories: [~]", "profiles/p.yaml.categories[0]"),
        ("profiles/p.yaml", PROFILE + "schedule: null", "profiles/p.yaml.schedule"),
        (
            "profiles/p.yaml",
            f"title: \ndescription: {TEXT}\naudience: {TEXT}",
            "profiles/p.yaml.title",
        ),
        ("protected.yaml", "public_suffixes: true\nnames:", "protected.yaml.names"),
        (
            "protected.yaml",
            "public_suffixes: true\nnames: {subtree: }",
            "protected.yaml.names.subtree",
        ),
        ("protected.yaml", "public_suffixes:", "protected.yaml.public_suffixes"),
        ("expected.yaml", "a.example: ~", "expected.yaml.a.example"),
        (
            "feeds.yaml",
            "[{id: a, source: b, format: domains, category: adult, guard: null}]",
            "feeds.yaml[0].guard",
        ),
        (
            "feeds.yaml",
            "[{id: a, source: b, format: domains, category: adult, scope: }]",
            "feeds.yaml[0].scope",
        ),
        ("feeds.yaml", "- id: a\n  source: b\n  format: domains\n  category: adult\n-", "feeds.yaml[1]"),
    ],
)
def test_nothing_that_is_written_reads_as_the_default(
    directory: Path, file: str, text: str, path: str
) -> None:
    write(directory, {file: text})
    found = problems(directory)
    assert list(found) == [path]
    assert "has no value" in found[path]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("min_names: 010", "'010' is no whole number"),
        ("min_names: 1_000", "'1_000' is no whole number"),
        ("min_names: 0x10", "'0x10' is no whole number"),
        ("max_grow: 1:30", "'1:30' is no number"),
        ("max_grow: .inf", "'.inf' is no number"),
        ("max_shrink: .nan", "'.nan' is no number"),
    ],
)
def test_numbers_are_decimal_or_none(directory: Path, value: str, says: str) -> None:
    feed = f"[{{id: a, source: b, format: domains, category: adult, guard: {{{value}}}}}]"
    write(directory, {"feeds.yaml": feed})
    assert says in problems(directory)[f"feeds.yaml[0].guard.{value.partition(':')[0]}"]


def test_words_that_yaml_1_1_takes_for_flags(directory: Path) -> None:
    """Norway's code is a name like any other; a flag may be written in words."""
    category = "{id: no, title: {es: No, en: Off}, description: {es: Yes, en: On}}"
    feed = "{id: on, source: b, format: domains, mandatory: {authority: NO, ground: yes, confidential: yes}}"
    write(
        directory,
        {
            "categories.yaml": f"[{category}]",
            "feeds.yaml": f"[{feed}]",
            "protected.yaml": "public_suffixes: off",
        },
    )
    policies = load_policies(directory)
    assert (policies.categories[0].id, policies.categories[0].title.es) == ("no", "No")
    mandatory = policies.feeds[0].mandatory
    assert mandatory is not None
    assert (mandatory.authority, mandatory.ground, mandatory.confidential) == ("NO", "yes", True)
    assert not policies.protected.public_suffixes


@pytest.mark.parametrize(
    ("written", "minutes"),
    [("21:00", 1260), ("08:05", 485), ("9:30", 570), ("24:00", None), ("21", None), ("21:60", None)],
)
def test_times_of_day_without_quotes(directory: Path, written: str, minutes: int | None) -> None:
    slot = f"{{days: daily, from: {written}, until: 7:00, block: everything}}"
    write(directory, {"profiles/p.yaml": PROFILE + f"schedule: [{slot}]"})
    if minutes is None:
        assert any(path.startswith("profiles/p.yaml.schedule[0]") for path in problems(directory))
    else:
        assert load_policies(directory).profiles[0].schedule[0].start == minutes


@pytest.mark.parametrize("value", ["[domains]", "{a: b}", "1"])
def test_a_choice_that_is_no_word(directory: Path, value: str) -> None:
    write(directory, {"feeds.yaml": f"[{{id: a, source: b, format: {value}, category: adult}}]"})
    assert "is none of" in problems(directory)["feeds.yaml[0].format"]
