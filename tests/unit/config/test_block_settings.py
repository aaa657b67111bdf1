"""The block page's addresses and listeners, as the file's author means them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.cautions import cautions
from filterd.config.load import ConfigErrors, from_value
from filterd.config.settings import Settings
from filterd.model.block_kind import BlockKind, kind_of
from filterd.model.blocking_mode import BlockingMode
from filterd.model.verdict import Reason

EACH = {kind.word: {"ipv4": f"192.0.2.{80 + kind}"} for kind in BlockKind}


def read(**sections: Any) -> Settings:
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}, **sections}, base=Path("/etc/filterd"))


def addresses(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Kind -> its addresses."""
    assert settings.block_page is not None
    return {kind.word: tuple(map(str, settings.block_page.of(kind).addresses)) for kind in BlockKind}


def test_a_kind_s_own_address_wins_family_by_family() -> None:
    page = {"ipv4": "192.0.2.90", "ipv6": "2001:db8::90", "parental": {"ipv4": "192.0.2.80"}}
    general = ("192.0.2.90", "2001:db8::90")
    assert addresses(read(block_page=page)) == {
        "parental": ("192.0.2.80", "2001:db8::90"),
        "security": general,
        "mandatory": general,
        "confidential": general,
    }


def test_a_kind_without_an_address_leads_nowhere() -> None:
    found = addresses(read(block_page={"parental": {"ipv6": "2001:db8::80"}}))
    assert found == {"parental": ("2001:db8::80",), "security": (), "mandatory": (), "confidential": ()}
    assert read(block_page={"parental": {}}).block_page is None


@pytest.mark.parametrize(
    ("sections", "warned"),
    [
        ({"block_page": {"ipv4": "192.0.2.80"}}, []),
        ({"block_page": EACH, "web": {"block": {"listen": ["192.0.2.80:80"]}}}, []),
        (
            {"block_page": {"ipv4": "192.0.2.80"}, "web": {"block": {"listen": ["192.0.2.80:80"]}}},
            ["parental, security, mandatory, confidential"],
        ),
        ({"block_page": {**EACH, "security": EACH["parental"]}}, ["parental, security"]),
    ],
)
def test_kinds_that_share_an_address_are_warned_of(sections: dict[str, Any], warned: list[str]) -> None:
    """Not where a page of the operator's own serves all kinds at one address, as ever."""
    found = [each for each in cautions(read(**sections)) if each.path == "block_page"]
    assert [each.message.partition(" is the address of ")[2].partition(":")[0] for each in found] == warned


def test_the_process_of_the_page() -> None:
    assert read().web_block is None
    block = {
        "listen": ["192.0.2.80:80"],
        "https": ["192.0.2.80:443"],
        "tls": {"certificate": "block.pem", "key": "block.key"},
    }
    pages = {
        "portal": {"public_url": "https://portal.example/"},
        "public": {"public_url": "https://p.example"},
    }
    settings = read(web={"block": block, **pages})
    found = settings.web_block
    assert found is not None
    assert found.ports == (80, 443)
    assert found.tls is not None
    assert str(found.tls.key) == "/etc/filterd/block.key"
    assert (found.portal_url, found.public_url) == ("https://portal.example", "https://p.example")
    assert settings.web is None, "other pages are not served because there is a block page"
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("block", "path", "message"),
    [
        ({"https": ["192.0.2.80:443"]}, "web.block", "https takes a certificate"),
        ({"listen": ["127.0.0.1:8080"]}, "web.block.listen[0]", "is taken by control.listen"),
        ({"listen": ["192.0.2.80:80"] * 2}, "web.block.listen[1]", "is taken by web.block.listen[0]"),
        ({"listen": ["192.0.2.80"]}, "web.block.listen[0]", "port"),
    ],
)
def test_listeners_that_cannot_be(block: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as raised:
        read(web={"block": block})
    (error,) = raised.value.errors
    assert error.path == path
    assert message in error.message


@pytest.mark.parametrize("mode", BlockingMode)
def test_the_mode_of_security_feeds(mode: BlockingMode) -> None:
    assert read(security={"blocking_mode": mode.word}).security.mode is mode


def test_the_kind_of_a_block() -> None:
    for reason in Reason:
        kind = {Reason.MANDATORY: BlockKind.MANDATORY, Reason.SECURITY: BlockKind.SECURITY}.get(
            reason, BlockKind.PARENTAL
        )
        assert kind_of(reason, confidential=False) is kind
    assert kind_of(Reason.MANDATORY, confidential=True) is BlockKind.CONFIDENTIAL
