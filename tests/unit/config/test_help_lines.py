"""``help-lines.yaml``: each number has an owner, a source and a day of its last check."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from filterd.config.policies import PoliciesError, load_policies
from tests.worlds.installation import write_policies
from tests.worlds.service import SHIPPED

LINE = (
    "[{id: one, title: {es: a, en: a}, about: {es: a, en: a}, country: mx, phone: '911', "
    "audiences: [children], owner: us, checked: 2026-11-27, source: 'https://help.example/'}]"
)


def test_the_file_may_be_missing_and_is_read_where_it_is_there(tmp_path: Path) -> None:
    folder = write_policies(tmp_path)
    assert load_policies(folder).help_lines == ()
    (folder / "help-lines.yaml").write_text(LINE)
    (found,) = load_policies(folder).help_lines
    assert (found.phone, found.url, found.checked, found.owner) == ("911", "", "2026-11-27", "us")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("phone: '911', ", "", "needs a phone or a url"),
        ("'911'", "'call'", "no number"),
        ("2026-11-27", "someday", "is no day like"),
        ("[children]", "[aunts]", "unknown audience"),
        ("owner: us, ", "", "owner: is missing"),
        ("'https://help.example/'", "'http://help.example'", "no address"),
    ],
)
def test_an_entry_that_cannot_be_trusted_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = write_policies(tmp_path)
    (folder / "help-lines.yaml").write_text(LINE.replace(old, new))
    with pytest.raises(PoliciesError) as refused:
        load_policies(folder)
    assert says in str(refused.value)


def test_shipped_lines_were_checked_on_a_day_that_was() -> None:
    lines = load_policies(SHIPPED).help_lines
    assert {"911", "088", "800 911 2000"} <= {each.phone for each in lines}
    for each in lines:
        assert date(2026, 1, 1) <= date.fromisoformat(each.checked) <= datetime.now(UTC).date(), each.id
        assert each.owner and each.source, each.id
