"""A command that is new has a call of the API, or says why not; a call that is new has a command."""

from __future__ import annotations

from filterd.cli.main import main
from tests.meta.generated import commands
from tests.meta.generated_calls import ALSO, CALLS, calls


def test_each_command_has_a_call_or_a_reason() -> None:
    assert {path.removeprefix("filterd ") for path, _ in commands(main, "filterd")} == CALLS.keys()


def test_each_call_is_that_of_a_command() -> None:
    named = {call for found in CALLS.values() if not isinstance(found, str) for call in found}
    assert named | ALSO == {call for call, _, _ in calls()}
    assert not named & ALSO
