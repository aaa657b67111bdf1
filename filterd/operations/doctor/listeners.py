"""The listeners of the operator's own people and of everybody: apart, and where no stranger reaches the
former."""

from __future__ import annotations

from collections.abc import Iterator

from filterd.config.value_types import Endpoint
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found


def check(case: Case) -> Iterator[Finding]:
    """Look at where the desk, the API, control and metrics listen, beside the pages for everybody."""
    everybodys = [*_everybodys(case)]
    for key, at in _inside(case):
        if at.address.is_unspecified or at.address.is_global:
            yield found("ports.open_to_strangers", key=key, at=str(at))
            continue
        for other, place in everybodys:
            if place.address == at.address and not at.address.is_loopback:
                yield found("ports.beside_public", key=key, at=str(at), other=other, place=str(place))
                break


def _inside(case: Case) -> Iterator[tuple[str, Endpoint]]:
    """The listeners that are the operator's own people's and systems'."""
    yield "metrics.listen", case.settings.metrics.listen
    yield "control.listen", case.settings.control.listen
    web, block = case.settings.web, case.settings.web_block
    if block is not None and block.health is not None:
        yield "web.block.health", block.health
    if web is None:
        return
    if web.api is not None:
        yield "web.api.listen", web.api.listen
    if web.desk is not None:
        yield "web.desk.listen", web.desk.listen
    if web.regulator is not None:
        yield "web.regulator.listen", web.regulator.listen
    if web.health is not None:
        yield "web.health", web.health


def _everybodys(case: Case) -> Iterator[tuple[str, Endpoint]]:
    """The listeners that subscribers and strangers reach."""
    web = case.settings.web
    for name, pages in {} if web is None else web.pages.items():
        if name not in ("desk", "regulator"):
            yield f"web.{name}.listen", pages.listen
    block = case.settings.web_block
    if block is not None:
        yield from (("web.block.listen", each) for each in block.listen)
        yield from (("web.block.https", each) for each in block.https)
