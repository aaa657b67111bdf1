"""The sections of the configuration file on sessions: which line has an address at this moment."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

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
        "again with the configuration."
    )
    timestamps: Timestamps = key(
        "event",
        "What Event-Timestamp tells: `event`, when it happened (RFC 2869), or `sent`, when the packet was "
        "sent, from which Acct-Delay-Time is taken.",
    )
    message_authenticator: bool = key(
        False, "Whether packets without Message-Authenticator (RFC 3579) are dropped."
    )


class RawRadius(Section):
    """RADIUS accounting (RFC 2866): sessions begin, go on and end as the provider's network says."""

    listen: Listener = key("127.0.0.1:1813", "UDP address for accounting, Status-Server, CoA and Disconnect.")
    clients: tuple[RawRadiusClient, ...] = key(
        (),
        "Who may send, each {prefix, secret_file, timestamps, message_authenticator}; the longest prefix "
        "that covers a sender holds. Packets of others are dropped and counted.",
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


class RawAccounting(Section):
    """Sessions: lines whose addresses come and go, as RADIUS, DHCP or `filterd session put` tell."""

    radius: RawRadius | None = key(None, "RADIUS accounting; absent: there is no listener.")
    leases: tuple[RawLeases, ...] = key((), "Lease files, each {format, file, line, normalize}.")
    pools: tuple[Network, ...] = key(
        (),
        "Networks whose clients come by session. While sessions are not loaded, `dns.parental_fail` decides "
        "for clients in them that nothing else recognises; without any, for every such client.",
    )
    stale_after: Duration = key(
        "2h",
        "How long a session counts after its last packet; then its line is unknown. Resolvers may forget it "
        "by up to half sooner: five times the interim interval of the network is right, so that a lost "
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
        "The most sessions at one time; later ones are refused.",
        ge=1000,
        le=20_000_000,
        strict=True,
    )
