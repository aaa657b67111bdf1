"""The sections of the configuration file on sessions: which line has an address at this moment."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from filterd.config.raw_types import (
    AttributeName,
    Duration,
    FilePath,
    LeaseFormat,
    LeaseValue,
    Listener,
    Network,
    Normalization,
    Section,
    Timestamps,
    key,
)


class RawRadiusClient(Section):
    """A sender of accounting packets: a NAS, or the server that forwards for many."""

    prefix: Network = Field(description="The sender's address, or the network of several with one secret.")
    secret_file: FilePath = Field(
        description="File with the shared secret in its first line; relative to the file's directory. Read "
        "again within a second of a change. A second line is a secret that is accepted too, until all "
        "senders have the first."
    )
    timestamps: Timestamps = key(
        "event",
        "What Event-Timestamp tells: `event`, when it happened (RFC 2869), or `sent`, when the packet was "
        "sent, from which Acct-Delay-Time is taken.",
    )
    message_authenticator: bool = key(
        False, "Whether packets without Message-Authenticator (RFC 3579) are dropped."
    )
    networks: tuple[Network, ...] = key(
        (),
        "Networks in which it may claim addresses, each inside accounting.pools; without any it may in all "
        "of the pools. What it claims elsewhere is passed over and counted.",
    )


class RawRadius(Section):
    """RADIUS accounting (RFC 2866): sessions begin, go on and end as the provider's network says."""

    listen: Listener = key("127.0.0.1:1813", "UDP address for accounting, Status-Server, CoA and Disconnect.")
    clients: tuple[RawRadiusClient, ...] = key(
        (),
        "Who may send, each {prefix, secret_file, timestamps, message_authenticator, networks}; the longest "
        "prefix that covers a sender holds. Packets of others are dropped and counted.",
    )
    line: AttributeName = key(
        "User-Name",
        "The attribute whose value is the subscriber's id: User-Name, Calling-Station-Id, Class, "
        "NAS-Port-Id, Chargeable-User-Identity, Agent-Circuit-Id, Agent-Remote-Id, Delegated-IPv6-Prefix, "
        "Framed-IPv6-Prefix, or `VENDOR:NUMBER` for another one of a vendor.",
    )
    normalize: tuple[Normalization, ...] = key(
        (),
        "What is done to that value first, in this order: `realm` (what begins with @ goes), `case` (lower "
        "case), `mac` (a hardware address becomes 00:11:22:aa:bb:cc).",
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        prefixes = [each.prefix for each in self.clients]
        for each in prefixes:
            if prefixes.count(each) > 1:
                msg = f"clients: {each} stands here twice"
                raise ValueError(msg)
        return self


NOT_IN_FORMAT: dict[LeaseFormat, frozenset[LeaseValue]] = {"dnsmasq": frozenset({"circuit-id", "remote-id"})}
"""the parts of a lease that files of a format never have; those of the other formats have all of them"""


class RawLeases(Section):
    """A file of leases that a DHCP server of the provider writes on this machine."""

    format: LeaseFormat = Field(description="`kea` (memfile, CSV), `dnsmasq` or `isc`.")
    file: FilePath = Field(description="The file; it need not exist yet.")
    line: LeaseValue = key(
        "hw-address",
        "What is the subscriber's id: `hw-address`, `client-id`, `duid`, `hostname`, `circuit-id` or "
        "`remote-id`. The last two need a server that keeps what the relay said (option 82).",
    )
    normalize: tuple[Normalization, ...] = key((), "As in accounting.radius.")

    @field_validator("line")
    @classmethod
    def _in_the_format(cls, line: LeaseValue, others: ValidationInfo) -> LeaseValue:
        """``others`` has no format where that is wrong itself."""
        known = others.data.get("format")
        if known is not None and line in NOT_IN_FORMAT.get(known, ()):
            msg = (
                f"files of {known} have no {line}, so that no lease would be anybody's; write hw-address, "
                "client-id, duid or hostname, or take the leases of Kea or dhcpd"
            )
            raise ValueError(msg)
        return line


class RawAccounting(Section):
    """Sessions: lines whose addresses come and go, as RADIUS, DHCP or `filterd session put` tell."""

    radius: RawRadius | None = key(None, "RADIUS accounting; absent: there is no listener.")
    leases: tuple[RawLeases, ...] = key((), "Lease files, each {format, file, line, normalize}.")
    pools: tuple[Network, ...] = key(
        (),
        "Networks whose clients come by session. RADIUS, lease files and commands claim addresses in them "
        "alone; without any, everywhere. While sessions are not loaded, `dns.parental_fail` decides "
        "for clients in them that nothing else recognises; without any, for every such client.",
    )
    stale_after: Duration = key(
        "2h",
        "How long a session counts after its last packet; then its line is unknown. Resolvers may forget it "
        "by up to a quarter sooner: three times the interim interval of the network is right, so that a lost "
        "packet costs nothing. DHCP leases have an end of their own.",
        ge=60,
        le=31 * 86400,
    )
    settle: Duration = key(
        "15m",
        "How long sessions count as not loaded after they were lost (a damaged file); at least one interim "
        "interval.",
        le=86400,
    )
    sessions: int = key(
        1_000_000,
        "The most sessions at one time; later ones are refused. A file made for more keeps its room.",
        ge=1000,
        le=20_000_000,
        strict=True,
    )

    @model_validator(mode="after")
    def _clients_inside_pools(self) -> Self:
        clients = () if self.radius is None or not self.pools else self.radius.clients
        for client in clients:
            for each in client.networks:
                if not _lies_in(each, self.pools):
                    msg = (
                        f"radius.clients: {client.prefix}: {each} of its networks lies in no network of pools"
                    )
                    raise ValueError(msg)
        return self


def _lies_in(network: Network, pools: tuple[Network, ...]) -> bool:
    """True if the pools, taken together, cover a network."""
    if isinstance(network, IPv4Network):
        return any(
            network.subnet_of(each)
            for each in collapse_addresses(each for each in pools if isinstance(each, IPv4Network))
        )
    return any(
        network.subnet_of(each)
        for each in collapse_addresses(each for each in pools if isinstance(each, IPv6Network))
    )
