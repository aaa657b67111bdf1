"""Asks the pages of the running roles: /healthz, /readyz and /metrics."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from filterd.config.value_types import Endpoint

PAGE_SECONDS = 2.0
LARGEST_PAGE = 4 << 20


@dataclass(frozen=True, slots=True)
class HealthPage:
    """The reply of a role: its status and text."""

    status: int
    text: str


def get(listen: Endpoint, path: str) -> HealthPage | None:
    """A page; None where nobody answers, or something else than a page."""
    address = listen.address
    if address.is_unspecified:
        address = IPv4Address("127.0.0.1") if address.version == 4 else IPv6Address("::1")
    connection = http.client.HTTPConnection(str(address), listen.port, timeout=PAGE_SECONDS)
    try:
        connection.request("GET", path)
        reply = connection.getresponse()
        return HealthPage(reply.status, reply.read(LARGEST_PAGE).decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a metric."""

    labels: Mapping[str, str]
    value: float


def metrics(listen: Endpoint) -> dict[str, list[Sample]]:
    """The samples of the role's metrics by name; empty where it does not answer with metrics."""
    from prometheus_client.parser import text_string_to_metric_families

    page = get(listen, "/metrics")
    samples: dict[str, list[Sample]] = {}
    if page is None or page.status != http.client.OK:
        return samples
    try:
        for family in text_string_to_metric_families(page.text + "\n"):
            for each in family.samples:
                samples.setdefault(each.name, []).append(Sample(each.labels, each.value))
    except ValueError:
        return {}
    return samples
