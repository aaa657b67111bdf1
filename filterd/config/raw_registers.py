"""The schema of the list ``registers`` of the configuration file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from filterd.config.raw_notices import RawReceiver, require_different
from filterd.config.raw_register_ways import RawListedPage, RawTicketPlatform, require_ways
from filterd.config.raw_types import Duration, FilePath, Section, Size, key

HOUR = 3600


class RawRegisterGuard(Section):
    """Bounds on what a register may do at once without a person."""

    max_removals: int = key(
        100, "Names that absence unblocks at once; more wait for a person.", ge=0, le=10_000_000, strict=True
    )
    min_entries: int = key(1, "A whole list with fewer entries is refused.", ge=1, le=10_000_000, strict=True)


class RawCapacity(Section):
    """The room declared to the authority, of all its orders and lists; 0: not bounded."""

    names: int = key(0, "Names.", ge=0, le=100_000_000, strict=True)
    addresses: int = key(0, "Addresses and prefixes.", ge=0, le=100_000_000, strict=True)


class RawRegister(Section):
    """A register of an authority. It acts only once two people have adopted it: filterd register adopt."""

    id: str = Field(
        description="Its name in commands and logs.", pattern="^[a-z0-9][a-z0-9-]{0,31}$", strict=True
    )
    kind: Literal["csv", "json", "poland", "adm", "tickets"] = Field(description="The form it comes in.")
    authority: str = Field(
        description="Who demands: an authority of the jurisdiction.", max_length=256, examples=["sat"]
    )
    ground: str = Field(description="The provision that it rests on.", max_length=1000, examples=["liva-18h"])
    law: str = key(
        "", "The law that allows the block; empty: the ground's.", max_length=1000, examples=["LIVA 18-H"]
    )
    official: str = key(
        "",
        "Who signs, where a document names nobody; empty: the authority.",
        max_length=256,
        examples=["A. Official"],
    )
    source: str = key(
        "",
        "The address (https) or path that is pulled; empty: none.",
        max_length=2000,
        examples=["https://register.example/api"],
    )
    list: str = key(
        "",
        "The mandatory feed that the whole list becomes: absence means unblock. Its `source` in feeds.yaml "
        "is `STATE_DIR/registers/ID.list`. Empty: each document becomes an order.",
        max_length=64,
        examples=["pl-gambling"],
    )
    pull_every: Duration = key("1h", "How often it is pulled, or visited.", ge=5, le=31 * 24 * HOUR)
    push_secret_file: FilePath | None = key(
        None,
        "File with the secret (32 characters or more) that a push gives as its bearer token; relative to the "
        "file's directory. Without it nothing can be pushed.",
    )
    answers: RawReceiver | None = key(
        None, "Where answers are posted, {id, url, secret_file, ca, timeout}; without it they are fetched."
    )
    answer_within: Duration = key(
        "180s", "How soon after a document each item has its answer.", ge=1, le=31 * 24 * HOUR
    )
    guard: RawRegisterGuard = Field(default_factory=RawRegisterGuard)
    capacity: RawCapacity = Field(default_factory=RawCapacity)
    confidential: bool = key(False, "Its names are never shown, nor kept in clear.", strict=True)
    overblocking: bool = key(
        False, "Follow addresses and URLs too, which DNS can only do by blocking more.", strict=True
    )
    blocking_mode: Literal["nxdomain", "nodata", "null", "sinkhole"] = key(
        "nxdomain", "How the names of its orders are answered; a list has that of its feed."
    )
    ca: FilePath | None = key(
        None, "A PEM file of the authorities for its server, instead of that of feeds; relative to the file."
    )
    page: RawListedPage | None = key(
        None, "Of kind adm: how the page at `source` names list and control file."
    )
    platform: RawTicketPlatform | None = key(
        None, "Of kind tickets: the account at the platform at `source`."
    )
    largest: Size = key("32MiB", "The largest document.", ge=1024, le=1 << 30)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if "://" in self.source and not self.source.startswith("https://"):
            msg = "source must begin with https://, or be a path"
            raise ValueError(msg)
        if self.kind in ("poland", "adm") and not self.list:
            msg = f"a register of kind {self.kind} is a whole list: write list, the id of its feed"
            raise ValueError(msg)
        require_ways(self.kind, self.source, self.page, self.platform, confidential=self.confidential)
        if self.kind == "tickets" and self.list:
            msg = "tickets become orders: leave list out"
            raise ValueError(msg)
        if self.list and self.confidential:
            msg = "a whole list cannot be confidential here: adopt a confidential feed instead (feeds.yaml)"
            raise ValueError(msg)
        return self


def _apart(registers: tuple[RawRegister, ...]) -> tuple[RawRegister, ...]:
    require_different([each.id for each in registers])
    require_different([each.list for each in registers if each.list])
    declared: dict[str, RawCapacity] = {}
    for each in registers:
        if declared.setdefault(each.authority, each.capacity) != each.capacity:
            msg = f"the registers of {each.authority} must declare one capacity"
            raise ValueError(msg)
    return registers


RawRegisters = Annotated[tuple[RawRegister, ...], AfterValidator(_apart)]
