"""The schema of the block page: the section ``block_page`` of the configuration file, and ``web.block``."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Self

from pydantic import Field, model_validator

from filterd.config.raw_types import FilePath, Listener, SchemaWhenAsked, Section, key


class RawSinkhole(Section):
    """The addresses for blocks of one kind; what is absent here is the block page's."""

    ipv4: IPv4Address | None = key(None, "The IPv4 address.")
    ipv6: IPv6Address | None = key(None, "The IPv6 address.")


class RawBlockPage(Section):
    """Where the sinkhole mode sends clients, each kind of block to an address of its own: by it alone the
    block page knows the kind (`web.block`). For a kind without any address sinkhole means NXDOMAIN."""

    ipv4: IPv4Address | None = key(None, "The IPv4 address for every kind that has none of its own.")
    ipv6: IPv6Address | None = key(None, "The IPv6 address for every kind that has none of its own.")
    parental: RawSinkhole = key(RawSinkhole(), "What the holder of the line asked for: profile, own names.")
    security: RawSinkhole = key(RawSinkhole(), "Security feeds (`security.blocking_mode`).")
    mandatory: RawSinkhole = key(RawSinkhole(), "Orders and adopted lists.")
    confidential: RawSinkhole = key(RawSinkhole(), "Confidential orders and lists.")


class RawTls(Section):
    """The certificate of a listener."""

    certificate: FilePath = Field(
        description="A PEM file of the certificate and its chain; relative to the file's directory."
    )
    key: FilePath = Field(description="A PEM file of its private key; relative to the file's directory.")


class RawBlock(Section):
    """The block page, in a process of its own: it has nothing of the store, and asks nobody."""

    listen: tuple[Listener, ...] = key(
        (),
        "Addresses and ports for HTTP: port 80 of the addresses of `block_page`. With `https` absent too: "
        "there is no such process.",
    )
    https: tuple[Listener, ...] = key(
        (),
        "The same for HTTPS: port 443. No certificate is valid for the names of others: browsers warn "
        "before they show the page, or refuse it.",
    )
    tls: Annotated[RawTls | None, SchemaWhenAsked(RawTls.model_json_schema)] = key(
        None, "{certificate, key}, the operator's own; `https` takes it."
    )
    connections: int = key(
        4096,
        "Connections open at one time, over HTTP and over HTTPS each; for a new one beyond, the one that has "
        "been idle longest is closed.",
        ge=8,
        le=100_000,
        strict=True,
    )
    health: Listener | None = key(
        None,
        "Address and port of `/healthz`, `/readyz` and `/metrics` of this process, for its watchers alone, "
        "on loopback or in the network of management. Absent: there are none.",
    )

    @model_validator(mode="after")
    def _certified(self) -> Self:
        if self.https and self.tls is None:
            msg = "https takes a certificate: write tls: {certificate, key}, or leave https out"
            raise ValueError(msg)
        return self
