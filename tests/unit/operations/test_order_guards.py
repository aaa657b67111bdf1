"""An order is taken in whatever is wrong with the rest of the policies; a broken guard takes two people."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from filterd.config.policies import PolicyPart, load_part, load_policies
from filterd.model.order import OrderState
from filterd.operations import audit
from filterd.operations.context import OperationError
from filterd.operations.orders import ending, showing, taking, warnings
from filterd.operations.policies import policies
from filterd.policy.documents import Policies
from tests.unit.operations.test_order_reach import asks
from tests.worlds.installation import Installation, as_person

ELSEWHERE = {
    "profiles/typo.yaml": (
        "{title: {es: T, en: T}, description: {es: T, en: T}, audience: {es: T, en: T}, categories: [adlt]}"
    ),
    "categories.yaml": "- {id: adult",
    "feeds.yaml": "[{id: adult-starter}]",
    "services.yaml": "- {id: chat, title: Chat, names: {subtree: [chat.example, 'not a name']}}",
    "safesearch.yaml": "- {id: s, engine: s, title: {es: S}, target: s.example, names: {exact: [s.example]}}",
    "jurisdictions/zz.yaml": "{title: 1}",
    "popular.txt": "not a name\n",
}
"""documents with an error each, none of which guards"""
GUARDS = {
    "protected.yaml": "names: {subtree: [portal.example, 'not a name']}\npublic_suffixes: true\n",
    "expected.yaml": "popular.example: [gambling]\n'not a name': []\n",
}
"""guards with an error each, and with an entry that can be read"""


@pytest.mark.parametrize("file", ELSEWHERE)
async def test_what_is_no_guard_keeps_no_order_waiting(installation: Installation, file: str) -> None:
    async with installation.open(approvals=1) as context:
        installation.write_policy(file, ELSEWHERE[file])
        with pytest.raises(OperationError, match="have errors"):
            policies(context)
        taken = await taking.add(context, asks("shop.example"))
        assert taken.state is OrderState.ACCEPTED
        assert await showing.hits_of(context, taken) == ()
        assert await warnings.notices(context, taken) == ()
        assert (await taking.add(context, asks("portal.example"))).state is OrderState.QUARANTINED
        popular = await taking.add(context, asks("popular.example"))
        assert popular.state is OrderState.PENDING, "what many people use takes two people still"
        accepted = await taking.approve(as_person(context, "bob"), popular.reference)
        assert accepted.state is OrderState.ACCEPTED
        assert (await ending.withdraw(context, "O-1", reason="lifted")).state is OrderState.WITHDRAWN


@pytest.mark.parametrize("text", ["", "- {", "nonsense"])
@pytest.mark.parametrize(
    "file", ("protected.yaml", "expected.yaml", "services.yaml", "safesearch.yaml", "bypass.yaml")
)
async def test_a_guard_that_cannot_be_read_takes_two_people_and_refuses_nothing(
    installation: Installation, file: str, text: str
) -> None:
    async with installation.open(approvals=1) as context:
        installation.write_policy(file, text)
        taken = await taking.add(context, asks("shop.example"))
        assert taken.state is OrderState.PENDING
        (hit,) = await showing.hits_of(context, taken)
        assert hit.says.startswith(f"not wholly known: {file}: ")
        (notice,) = await warnings.notices(context, taken)
        assert f": {file} has errors" in notice.says
        assert "filterd config check" in notice.remedy
        accepted = await taking.approve(as_person(context, "bob"), "O-1")
        assert accepted.state is OrderState.ACCEPTED
        decisions = [each.entry.after or {} for each in await audit.tail(context)]
        assert [each["reach"] for each in decisions] == [["unknown"]] * 2


@pytest.mark.parametrize("file", GUARDS)
async def test_what_can_be_read_of_a_guard_counts(installation: Installation, file: str) -> None:
    async with installation.open(approvals=1) as context:
        installation.write_policy(file, GUARDS[file])
        assert (await taking.add(context, asks("portal.example"))).state is OrderState.QUARANTINED
        hits = await showing.hits_of(context, await taking.add(context, asks("popular.example")))
        assert [hit.subject for hit in hits] == ["popular.example", ""]


async def test_a_quarantined_order_stays_so_while_nobody_knows_what_is_protected(
    installation: Installation,
) -> None:
    async with installation.open(approvals=1) as context:
        order = await taking.add(context, asks("portal.example"))
        installation.write_policy("protected.yaml", "")
        other = as_person(context, "bob")
        with pytest.raises(OperationError, match=r"stays so while .* protected\.yaml: is empty") as refused:
            await taking.approve(other, "O-1")
        assert "filterd order withdraw O-1" in refused.value.remedy
        assert "stays so while" in await showing.held_back(context, order)
        installation.write_policy("protected.yaml", "public_suffixes: true\n")
        assert (await taking.approve(other, "O-1")).state is OrderState.ACCEPTED


async def test_what_protection_lifts_is_unknown_while_it_cannot_be_read(installation: Installation) -> None:
    async with installation.open(approvals=1) as context:
        order = await taking.add(context, asks("shop.example"))
        installation.write_policy("profiles/child.yaml", "")
        assert await showing.lifted(context, order) == showing.Lifted()
        installation.write_policy("protected.yaml", "")
        assert await showing.lifted(context, order) is None


async def test_the_shipped_guards_hold_under_an_own_one_that_is_broken(installation: Installation) -> None:
    own = installation.base / "own"
    own.mkdir()
    (own / "protected.yaml").write_text("add: [")
    async with installation.open(approvals=1) as context:
        settings = replace(context.settings, policies_base=context.settings.policies, policies=own)
        laid = replace(context, settings=settings)
        assert (await taking.add(laid, asks("portal.example"))).state is OrderState.QUARANTINED
        assert (await taking.add(laid, asks("shop.example"))).state is OrderState.PENDING
        shutil.move(own / "protected.yaml", own / "protected.yml")
        assert (await taking.add(laid, asks("shop.example"))).state is OrderState.PENDING, "misspelt"
        shutil.rmtree(own)
        assert (await taking.add(laid, asks("help.example"))).state is OrderState.QUARANTINED
        assert (await taking.add(laid, asks("shop.example"))).state is OrderState.PENDING, "gone"


@pytest.mark.parametrize("part", PolicyPart)
def test_a_part_is_the_same_by_itself_as_in_the_whole(installation: Installation, part: PolicyPart) -> None:
    directory = installation.base / "policies"
    whole, alone = load_policies(directory), load_part(part, directory)
    assert alone.problems == ()
    fields = {
        PolicyPart.SAFE_SEARCH: ("safe_search",),
        PolicyPart.CONSENT: ("consent_texts",),
        PolicyPart.NOTICES: ("notice_texts",),
        PolicyPart.DESK: ("desk_scripts",),
        PolicyPart.FEEDS: ("feeds", "ready"),
    }.get(part, (str(part),))
    assert replace(Policies(), **{name: getattr(whole, name) for name in fields}) == alone.policies


def test_a_part_of_a_directory_that_is_gone_is_nothing(tmp_path: Path) -> None:
    found = load_part(PolicyPart.PROTECTED, tmp_path / "gone")
    assert not found.policies.protected.names
    assert found.problems[0].path == str(tmp_path / "gone")
