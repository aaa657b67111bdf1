"""The schema of the section ``web`` of the configuration file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from filterd.config.raw_block import RawBlock, RawTls
from filterd.config.raw_pages import RawPages
from filterd.config.raw_portal import RawPortal
from filterd.config.raw_types import CanaryZone, Listener, Network, PublicUrl, SchemaWhenAsked, Section, key


class RawApi(Section):
    """The REST API: `/api/v1`, described by `/api/openapi.json`."""

    listen: Listener | None = key(
        None,
        "Address and port. Absent: there is no API, and no process for it. On any address but loopback the "
        "tokens of its users need `web.tls`.",
    )
    connections: int = key(
        512,
        "Connections open at one time; for a new one beyond, the one that has been idle longest is closed.",
        ge=8,
        le=100_000,
        strict=True,
    )
    requests: int = key(
        50, "Requests of one token in a second; what is beyond is refused.", ge=1, le=100_000, strict=True
    )


class RawPublicPages(RawPages):
    """The pages of everybody."""

    test_zone: CanaryZone | None = key(
        None,
        "The zone of the names by which `/funciona` tells whether a device passes the filter: a domain of "
        "yours, `*.prueba.isp.example`, every name of which leads to this listener. Over HTTPS the "
        "certificate is for them too. Absent: there are none, and the page says how to test by hand.",
    )


class RawWeb(Section):
    """The web process, apart from DNS and control. What takes effect here takes a restart."""

    api: RawApi = Field(default_factory=RawApi)
    portal: RawPortal = Field(default_factory=RawPortal)
    public: RawPublicPages = Field(
        default_factory=RawPublicPages,
        description="`/servicio`, `/service`, `/funciona`, `/revision`: the pages of everybody. With the "
        "address of `web.portal.listen` both are served there; no other two listeners may share one.",
    )
    desk: RawPages = Field(
        default_factory=RawPages, description="`/desk`: the pages of the provider's own people."
    )
    regulator: RawPages = Field(
        default_factory=RawPages,
        description="`/regulator`: what whoever oversees the provider reads; nothing of any line.",
    )
    block: RawBlock = Field(default_factory=RawBlock)
    tls: Annotated[RawTls | None, SchemaWhenAsked(RawTls.model_json_schema)] = key(
        None, "Speak HTTPS: {certificate, key}. Absent: plain HTTP."
    )
    trusted_proxies: tuple[Network, ...] = key(
        (),
        "Addresses of the reverse proxies. X-Forwarded-For and X-Forwarded-Proto count only in requests from "
        "them; X-Forwarded-Host is ignored. List only proxies that overwrite these headers of their clients.",
    )
    public_url: PublicUrl | None = key(
        None,
        "The URL of the API, such as https://api.isp.example. Links and the description of the API have it.",
    )
    health: Listener | None = key(
        None,
        "Address and port of `/healthz`, `/readyz` and `/metrics` of the web process, for its watchers "
        "alone, on loopback or in the network of management. Absent: there are none.",
    )
