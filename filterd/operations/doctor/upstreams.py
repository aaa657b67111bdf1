"""The upstreams, asked as the resolver asks them: reachable, willing, validating, and not ourselves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from filterd.config.settings import UpstreamSettings
from filterd.operations.doctor import dns_probe, pages
from filterd.operations.doctor.case import Case
from filterd.operations.doctor.finding import Finding, found

MOST_ASKED = 16
"""upstreams that are asked at the same time"""
EXPIRY_DAYS = 14.0
_USABLE = ("NOERROR", "NXDOMAIN")


def check(case: Case) -> Iterator[Finding]:
    """Ask every upstream, many at the same time."""
    upstreams = case.settings.dns.upstreams
    if "dns.upstreams" not in case.written and upstreams:
        yield found("upstreams.guessed", upstreams=_written(upstreams), path=str(case.machine.resolv_conf))
    if len(upstreams) == 1:
        yield found("upstreams.one", upstream=str(upstreams[0].address))
    with ThreadPoolExecutor(MOST_ASKED) as pool:
        results = list(pool.map(lambda each: list(_one(case, each)), upstreams))
    yield from (each for result in results for each in result)
    if upstreams and all(any(each.id in _UNUSABLE for each in result) for result in results):
        yield found("upstreams.none", upstreams=_written(upstreams))
    if case.roles.get("resolver"):
        yield from _loops_seen(case)


_UNUSABLE = ("upstreams.silent", "upstreams.refuses", "upstreams.certificate", "upstreams.loop")


def _written(upstreams: tuple[UpstreamSettings, ...]) -> str:
    return ", ".join(str(each.address) for each in upstreams)


def _one(case: Case, upstream: UpstreamSettings) -> Iterator[Finding]:
    name = str(upstream.address)
    if upstream.tls is not None:
        proof = dns_probe.certificate(upstream, case.machine.clock())
        if proof is not None and proof.fault:
            yield found(
                "upstreams.certificate", upstream=name, name=str(upstream.tls.name), reason=proof.fault
            )
            return
        if proof is not None and proof.days < EXPIRY_DAYS:
            yield found("upstreams.expiring", upstream=name, days=round(proof.days, 1))
    answer = dns_probe.ask(upstream, dns_probe.root_question(), "udp")
    if answer is None:
        yield found("upstreams.silent", upstream=name)
        return
    if dns_probe.code_of(answer) not in _USABLE:
        yield found("upstreams.refuses", upstream=name, code=dns_probe.code_of(answer))
        return
    validates = dns_probe.validates(answer)
    if upstream.trusted and not validates:
        yield found("upstreams.not_validating", upstream=name)
    if validates and not upstream.trusted:
        yield found("upstreams.validates", upstream=name)
    if upstream.tls is None and dns_probe.ask(upstream, dns_probe.root_question(), "tcp") is None:
        yield found("upstreams.no_tcp", upstream=name)
    yield from _is_ourselves(case, upstream)


def _is_ourselves(case: Case, upstream: UpstreamSettings) -> Iterator[Finding]:
    own = case.settings.dns.identity
    if own is None:
        return
    told = dns_probe.identity_in(dns_probe.ask(upstream, dns_probe.identity_question(), "udp"))
    if told == str(own):
        yield found("upstreams.loop", upstream=str(upstream.address), identity=told)


def _loops_seen(case: Case) -> Iterator[Finding]:
    """Loops that the running resolver has found by its own checks, over whatever servers in between."""
    for each in pages.metrics(case.settings.metrics.listen).get("filterd_upstream_loops", ()):
        if each.value:
            yield found("upstreams.loop_seen", upstream=each.labels.get("upstream", ""))
