"""Every event of the log stands in docs/log-events.md with what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from filterd.telemetry.log import FIELDS
from tests.meta.log_event_texts import TEXTS
from tests.meta.log_events import events_in, fields_in


@pytest.mark.ring("merge")
def test_every_event_is_explained(root: Path) -> None:
    assert [event for event in events_in(root) if event.text not in TEXTS] == []


@pytest.mark.ring("night")
def test_every_explanation_is_of_an_event(root: Path) -> None:
    assert TEXTS.keys() - {event.text for event in events_in(root)} == set()


def test_every_event_is_in_the_document(root: Path) -> None:
    text = (root / "docs/log-events.md").read_text()
    assert [event for event in events_in(root) if f"| {event.text} | {event.level} |" not in text] == []


@pytest.mark.ring("night")
def test_no_field_of_an_event_is_dropped(root: Path) -> None:
    found = fields_in(root)
    assert len({name for name, _ in found}) > 20
    assert {each for each in found if each[0] not in FIELDS} == set()


@pytest.mark.parametrize(
    "line",
    [
        'log.get().error("the moon is gone", reason="")',
        'event = "the moon is gone"; self._observer.note(event)',
        'self.note("the sun is" if self else "the moon is gone")',
        'self._report_failure("the moon is gone", "", None)',
    ],
)
def test_an_event_without_explanation_is_found(line: str, root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "filterd/serve", tmp_path / "filterd/serve", ignore=shutil.ignore_patterns("*.so"))
    (tmp_path / "filterd/serve/moon.py").write_text(f"def tell(self):\n    {line}\n")
    found = {event.text for event in events_in(tmp_path)} - TEXTS.keys()
    assert {text.removesuffix(" failed") for text in found} >= {"the moon is gone"}


def test_an_event_that_cannot_be_read_is_found(root: Path, tmp_path: Path) -> None:
    (tmp_path / "filterd").mkdir()
    (tmp_path / "filterd/moon.py").write_text("def tell(log):\n    log.get().error(made_up())\n")
    assert [event.text in TEXTS for event in events_in(tmp_path)] == [False]
