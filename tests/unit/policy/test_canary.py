"""Canaries stand under their list's mandatory id and outside its digest."""

from __future__ import annotations

import io

from filterd.model.rule import Scope
from filterd.model.verdict import Kind
from filterd.policy import canary
from filterd.policy.canary import Canary, canary_of
from filterd.policy.canonical import wire_of
from filterd.policy.classes import ListClass
from filterd.policy.compiler import Compiled, ListSource, compile_snapshot
from filterd.policy.snapshot import Snapshot, match_wire

KEY = bytes(range(16))
POLICE = ListClass("police", None, 3)
ADULT = ListClass("adult-one", Kind.CATEGORY, 9, "adult")
NAME = "police.canary.example"


def compiled(name: str = NAME) -> Compiled:
    police = ListSource((POLICE,), "7", [b"b.test\nz.test\n"], canary=name)
    return compile_snapshot([police, ListSource((ADULT,), "1", [b"a.test\n"])], KEY, revision=1, built_at=2)


def mandatory(result: Compiled, name: str) -> tuple[tuple[int, int, int], ...]:
    """(mandatory id, scope, action) of the rules that the name meets."""
    content = b"".join(result.pieces)
    found = match_wire(Snapshot.read(io.BytesIO(content), len(content), KEY), None, KEY, wire_of(name), b"")
    assert found.bits == set()
    return tuple(found.mandatory)


def test_the_canary_is_blocked_as_the_list_is_and_nothing_beside_it() -> None:
    result = compiled()
    assert [identifier for identifier, *_ in mandatory(result, NAME)] == [3]
    assert [identifier for identifier, *_ in mandatory(result, "b.test")] == [3]
    for name in (f"below.{NAME}", "canary.example", "adult-one.canary.example"):
        assert mandatory(result, name) == ()


def test_the_list_keeps_its_digest_and_its_number_of_names() -> None:
    assert compiled().lists == compiled("").lists
    assert compiled().lists[0]["names"] == 2


def test_another_zone_is_another_snapshot() -> None:
    digests = {compiled(name).digest for name in ("", NAME, "police.other.example")}
    assert len(digests) == 3
    assert compiled().digest == compiled().digest


def test_the_name_of_a_confidential_lists_canary_tells_nothing() -> None:
    found = canary_of("worst-of", "canary.example", confidential=True)
    assert found.name == f"{found.label}.canary.example"
    assert found.label.startswith("confidential-")
    assert "worst" not in found.name
    assert canary_of("police", "canary.example", confidential=False) == Canary("police", NAME)


def test_canaries_come_back_from_the_meta() -> None:
    canaries = (Canary("a", "a.canary.example"), Canary("b", "b.canary.example"))
    assert canary.from_meta(canary.to_meta(canaries)) == canaries
    assert canary.to_meta(()) == {}
    assert canary.from_meta({"lists": []}) == ()


def test_the_rule_is_the_exact_name() -> None:
    assert canary.rule_text(NAME) == f"{NAME} {Scope.EXACT.name.lower()}\n".encode()
