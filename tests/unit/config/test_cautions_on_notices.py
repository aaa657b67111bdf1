"""A warning where the portal promises what nobody does: to tell holders of each change."""

from __future__ import annotations

from pathlib import Path

import pytest

from filterd.config.cautions import holders_untold
from filterd.config.load import from_value

HOOK = {"id": "crm", "url": "https://crm.operator.example/", "secret_file": "/run/secret"}


@pytest.mark.parametrize(
    ("portal", "hooks", "warned"), [(True, [], True), (True, [HOOK], False), (False, [], False)]
)
def test_a_portal_without_a_receiver_of_notices_is_told(
    portal: bool, hooks: list[dict[str, str]], warned: bool
) -> None:
    value: dict[str, object] = {"dns": {"upstreams": ["192.0.2.53"]}, "notices": {"webhooks": hooks}}
    if portal:
        value["web"] = {"portal": {"listen": "127.0.0.1:8443"}}
    found = holders_untold(from_value(value, base=Path("/")))
    assert [each.path for each in found] == (["notices.webhooks"] if warned else [])
    assert all("notice list" in each.remedy for each in found)
