"""The keys of the configuration file on clients that share an address, or come with an identity."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from filterd.config.raw_types import Network4, Network6, PortOrder, Section, key

PORTS = 65_536


class RawSharedAddresses(Section):
    """Addresses of a carrier-grade NAT that gives each inside address ports by a fixed rule (RFC 7422)."""

    outside: Network4 = Field(description="The public addresses.")
    inside: Network4 = Field(description="The addresses of the lines, as sessions and bindings have them.")
    first_port: int = key(1024, "The first port that is given out.", ge=0, le=65_535, strict=True)
    ports: int = Field(description="How many ports each line has.", ge=1, le=PORTS, strict=True)
    order: PortOrder = key(
        "sequential",
        "`sequential`: the lines fill one outside address after the other; `interleaved`: they take the "
        "outside addresses in turn.",
    )

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        places = (PORTS - self.first_port) // self.ports * self.outside.num_addresses
        if places < self.inside.num_addresses:
            msg = (
                f"{self.inside} has {self.inside.num_addresses} addresses, and {self.outside} has room for "
                f"{places} with {self.ports} ports each"
            )
            raise ValueError(msg)
        return self


class RawMapRule(Section):
    """A mapping rule of MAP-E or MAP-T (RFC 7597, RFC 7599): address and port tell the line's IPv6 prefix."""

    ipv4: Network4 = Field(description="The rule's IPv4 prefix.")
    ipv6: Network6 = Field(description="The rule's IPv6 prefix, of 64 bits at most.")
    ea_bits: int = Field(description="Bits behind it: address and port set.", ge=0, le=48, strict=True)
    psid_offset: int = key(6, "Offset of the port set's id in the port.", ge=0, le=15, strict=True)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.ipv6.prefixlen + self.ea_bits > 64:
            msg = f"{self.ipv6} and {self.ea_bits} EA bits are more than 64 bits together"
            raise ValueError(msg)
        if self.ea_bits - (32 - self.ipv4.prefixlen) > 16 - self.psid_offset:
            msg = f"{self.ea_bits} EA bits leave no port behind an offset of {self.psid_offset}"
            raise ValueError(msg)
        return self
