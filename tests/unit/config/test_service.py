"""The section ``service``: what the provider says of itself, and what is no such fact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import ConfigErrors, from_value
from filterd.config.service_settings import ServiceSettings, WordsSettings
from filterd.config.settings import Settings

BASE = Path("/tmp")  # noqa: S108 - nothing is written
UPSTREAMS = {"dns": {"upstreams": ["192.0.2.53"]}}


def read(service: dict[str, Any]) -> Settings:
    return from_value({**UPSTREAMS, "service": service}, base=BASE)


def test_nothing_is_written_where_nobody_wrote_it() -> None:
    assert from_value(UPSTREAMS, base=BASE).service == ServiceSettings()


def test_one_text_stands_in_both_languages_and_two_in_theirs() -> None:
    assert read({"price": "0 MXN"}).service.price == WordsSettings("0 MXN", "0 MXN")
    both = read({"price": {"es": "Sin costo", "en": "Free"}})
    assert both.service.price == WordsSettings("Sin costo", "Free")
    assert Settings.from_json(both.to_json()) == both


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ({"name": "a\nb"}, "service.name"),
        ({"name": ""}, "service.name"),
        ({"price": {"es": "Sin costo"}}, "service.price.en"),
        ({"contact": {"phone": "call us"}}, "no telephone number"),
        ({"contact": {"email": "nobody"}}, "no e-mail address"),
        ({"complaints": {"url": "javascript:alert(1)"}}, "no address of a page"),
        ({"public_url": "http://isp.example"}, "no address of a page"),
        ({"privacy_notice": "https://isp.example/a b"}, "no address of a page"),
        ({"complaint_days": 0}, "service.complaint_days"),
        ({"nombre": "x"}, "did you mean name"),
    ],
)
def test_what_is_no_such_fact_is_refused(service: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        read(service)
    assert says in "\n".join(map(str, refused.value.errors))
