"""The hosts of the public URLs: protected names, whatever the files of the policies say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from filterd.config.load import from_value
from filterd.config.settings import Settings
from filterd.model.order import OrderState
from filterd.model.rule import NameRule, Scope
from filterd.operations import snapshot_input, snapshots, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.explain import explain
from filterd.operations.feeds import adoption, updating
from filterd.operations.orders import taking
from filterd.operations.own_hosts import host_of, own_hosts, with_own_hosts
from filterd.operations.policies import KeptPolicies, policies
from filterd.operations.snapshot_meanings import in_snapshot
from filterd.policy.documents import Policies
from tests.unit.operations.test_explain import EVIDENCE, NIGHT
from tests.unit.operations.test_order_reach import asks
from tests.worlds.installation import Installation

HOST = "mi.operator.example"


def with_urls(installation: Installation, **pages: object) -> Settings:
    """The settings with web pages."""
    web = {"portal": {"listen": "127.0.0.1:8443", "public_url": f"https://{HOST}:8443"}, **pages}
    value = {
        "store": {"url": installation.url},
        "state_dir": str(installation.base / "state"),
        "policies": str(installation.base / "policies"),
        "dns": {"upstreams": ["192.0.2.53:53"]},
        "web": web,
        "service": {"public_url": "https://filtro.operator.example/hola"},
    }
    return from_value(value, base=installation.base)


def test_the_hosts_are_those_of_every_public_url_once(installation: Installation) -> None:
    public = {"listen": "127.0.0.1:8444", "public_url": "https://public.example"}
    desk = {"listen": "127.0.0.1:8445", "public_url": "http://127.0.0.1:8445"}
    found = own_hosts(with_urls(installation, public=public, desk=desk))
    names = [HOST, "public.example", "filtro.operator.example"]
    assert found == tuple(NameRule(name, Scope.SUBTREE) for name in names)
    assert own_hosts(installation.settings) == ()


def test_a_host_above_the_test_zone_or_of_a_hosting_service_stands_alone(installation: Installation) -> None:
    public = {
        "listen": "127.0.0.1:8444",
        "public_url": "https://filtro.operator.example",
        "test_zone": "prueba.filtro.operator.example",
    }
    settings = with_urls(installation, public=public)
    scopes = {each.name: each.scope for each in own_hosts(settings)}
    assert scopes == {HOST: Scope.SUBTREE, "filtro.operator.example": Scope.EXACT}
    service = replace(settings.service, public_url="https://github.io")
    assert NameRule("github.io", Scope.EXACT) in own_hosts(replace(settings, service=service))


@pytest.mark.parametrize("url", ["", "https://[2001:db8::1]:8443", "https://192.0.2.1", "http://localhost"])
def test_what_is_no_name_is_not_protected(url: str) -> None:
    assert host_of(url) == ""


def test_hosts_that_are_written_already_are_not_added_twice(installation: Installation) -> None:
    settings = with_urls(installation)
    once = with_own_hosts(Policies(), settings)
    assert with_own_hosts(once, settings) is once


async def test_no_line_closes_the_portal_by_a_name_or_by_hours(installation: Installation) -> None:
    """The own names of a line, the names above and below, hours that close everything, and `check`."""
    installation.settings = with_urls(installation)
    async with installation.open() as context:
        await subscribers.add(context, "S-1")
        await subscribers.opt_in(context, "S-1", "child", EVIDENCE)
        for name in (HOST, f"www.{HOST}", "operator.example", "filtro.operator.example"):
            with pytest.raises(OperationError, match=r"stay reachable|would block what is protected"):
                await subscribers.deny(context, "S-1", name)
        installation.write_policy("profiles/night.yaml", NIGHT.replace("leaves: [messaging]", "leaves: []"))
        await updating.update(context)
        await snapshots.build(context)
        await subscribers.set_profile(context, "S-1", "night")
        found = await explain(context, f"www.{HOST}", subscriber="S-1")
        assert (found.verdict, found.protected) == ("pass", True)
        other = await explain(context, "www.operator.example", subscriber="S-1")
        assert (other.verdict, other.protected) == ("block", False)


async def test_an_order_on_the_portal_is_quarantined(installation: Installation) -> None:
    installation.settings = with_urls(installation)
    async with installation.open(approvals=1) as context:
        assert (await taking.add(context, asks("operator.example"))).state is OrderState.QUARANTINED
        installation.write_policy("protected.yaml", "- {")
        assert (await taking.add(context, asks(HOST))).state is OrderState.QUARANTINED


async def test_other_urls_make_another_snapshot(installation: Installation) -> None:
    async with installation.open() as context:
        kept = replace(context, kept_policies=KeptPolicies())
        changed = replace(kept, settings=with_urls(installation))
        digests = {_digest(each) for each in (kept, changed, kept)}
        assert len(digests) == 2
        await updating.update(changed)
        await snapshots.build(changed)
        documents = (await adoption.policies_in_force(changed)).policies
        versions = (await snapshots.chosen_now(changed, documents)).versions
        zones = snapshot_input.zones_of(changed.settings)
        async with changed.store.read() as connection:
            meant = await in_snapshot(connection, changed.clock())
        wanted = snapshot_input.input_digest(documents, versions, zones, meant)
        assert _made_of(changed) == wanted, "control compiles it no second time"


def _digest(context: Context) -> str:
    return snapshot_input.input_digest(policies(context), ())


def _made_of(context: Context) -> str:
    path = snapshots.current_file(context.settings.state_dir / "snapshots")
    assert path is not None
    return snapshot_input.remembered(path.parent, path.name)
