"""Reads the metrics page of a role once.

::

    ScrapeError(Exception)        .remedy
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from prometheus_client.parser import text_string_to_metric_families

from filterd.config.value_types import Endpoint

WAIT_SECONDS = 2.0
"""for an answer of the page: it is made from memory"""
LARGEST = 16 << 20
"""bytes of a page; filterd's is some tens of thousands"""

Labels = tuple[tuple[str, str], ...]
Series = tuple[str, Labels]
"""a sample's name, and its labels in order"""


class ScrapeError(Exception):
    """A page that could not be read, and the remedy."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Scrape:
    """The samples of a page, and when it was read."""

    at: float
    """seconds of a clock that never goes back"""
    values: Mapping[Series, float]


def read_page(role: str, endpoint: Endpoint, at: float) -> Scrape:
    """The metrics of a role at this moment. Raises ScrapeError."""
    text = _fetch(role, endpoint)
    try:
        values = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    except (ValueError, IndexError, KeyError) as error:  # the library's parser raises any of these
        raise _stranger(role, endpoint) from error
    if not any(name == "filterd_build_info" and ("role", role) in labels for name, labels in values):
        raise _stranger(role, endpoint)
    return Scrape(at, values)


def _fetch(role: str, endpoint: Endpoint) -> str:
    connection = http.client.HTTPConnection(_host(endpoint), endpoint.port, timeout=WAIT_SECONDS)
    try:
        connection.request("GET", "/metrics")
        reply = connection.getresponse()
        body = reply.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        message = f"{role} does not answer at {endpoint}: {reason[:1].lower()}{reason[1:]}"
        raise ScrapeError(message, f"see whether it runs: systemctl status filterd-{role}") from error
    finally:
        connection.close()
    if reply.status != http.client.OK:
        raise _stranger(role, endpoint)
    return body.decode("utf-8", "replace")


def _host(endpoint: Endpoint) -> str:
    """The address to connect to; a listener on all addresses has the loopback one."""
    if endpoint.address.is_unspecified:
        return "127.0.0.1" if isinstance(endpoint.address, IPv4Address) else "::1"
    return str(endpoint.address)


def _stranger(role: str, endpoint: Endpoint) -> ScrapeError:
    message = f"{endpoint} answers, but not with the metrics of filterd's {role}"
    return ScrapeError(message, f"see who has the address: ss -ltnp sport = :{endpoint.port}")
