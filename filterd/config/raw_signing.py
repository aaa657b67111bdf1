"""The schema of the section ``signing`` of the configuration file."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from filterd.config.raw_types import Duration, FilePath, Section, key

_NEEDS = {"file": ("path",), "directory": ("path",), "rfc3161": ("url", "ca"), "countersign": ("key",)}
_MAY = {"rfc3161": ("tls_ca",)}


def _authority(text: str) -> str:
    try:
        found = urlsplit(text)
        _ = found.port
    except ValueError as error:
        msg = f"no address: {text[:64]!r}"
        raise ValueError(msg) from error
    plain = found.scheme in ("http", "https") and found.hostname and not found.username and not found.fragment
    if not plain or not text.isascii():
        msg = f"no address of a time-stamp authority: {text[:64]!r} (write http[s]://HOST[:PORT]/PATH)"
        raise ValueError(msg)
    return text


class RawAnchor(Section):
    """A place outside the machine that keeps checkpoints of the audit trail."""

    id: str = Field(
        description="Its name in commands, logs and metrics.",
        pattern="^[a-z0-9][a-z0-9-]{0,31}$",
        strict=True,
    )
    kind: Literal["file", "directory", "rfc3161", "countersign"] = Field(
        description="`file`: a line for each checkpoint; `directory`: a file for each, as a WORM store takes "
        "them; `rfc3161`: a time-stamp authority; `countersign`: somebody signs them with a key of their own."
    )
    path: FilePath | None = key(None, "The file or directory; relative to the file's directory.")
    url: Annotated[str, AfterValidator(_authority), Field(examples=["https://tsa.example/tsr"])] | None = key(
        None,
        "The address of the time-stamp authority. Its tokens are signed, so http will do.",
        max_length=500,
    )
    ca: FilePath | None = key(
        None, "A PEM file with the certificates that verify its tokens, the root among them."
    )
    tls_ca: FilePath | None = key(
        None, "A PEM file of the authorities of its https server, instead of the system's."
    )
    every: Duration = key(
        "0s", "The least time between two checkpoints that go there; 0: every one.", le=31 * 86_400
    )
    timeout: Duration = key("20s", "The longest that one attempt takes.", ge=1, le=120)
    key: FilePath | None = Field(None, description="A PEM file with the public key of who countersigns.")

    @model_validator(mode="after")
    def _what_its_kind_needs(self) -> Self:
        needs = _NEEDS[self.kind]
        for each in ("path", "url", "ca", "tls_ca", "key"):
            if each in needs and getattr(self, each) is None:
                msg = f"an anchor of the kind {self.kind} needs {each}"
                raise ValueError(msg)
            if each not in (*needs, *_MAY.get(self.kind, ())) and getattr(self, each) is not None:
                msg = f"an anchor of the kind {self.kind} has no {each}"
                raise ValueError(msg)
        return self


class RawSigning(Section):
    """Signatures on the audit trail: keys, checkpoints, their anchors outside, and the daily statement."""

    checkpoint_key_file: FilePath | None = key(
        None,
        "The private key that signs checkpoints and statements, made where there is none. Default: "
        "keys/checkpoint.key, in state_dir.",
    )
    receipt_key_file: FilePath | None = key(
        None, "The private key that signs receipts. Default: keys/receipt.key, in state_dir."
    )
    anchors: tuple[RawAnchor, ...] = key(
        (),
        "Places outside this machine that keep checkpoints, each {id, kind, path, url, ca, tls_ca, key, "
        "every, timeout}, 16 at most. Without any, the trail convinces nobody who did not keep a checkpoint.",
        max_length=16,
    )
    every: Duration = key(
        "1h", "How often a checkpoint is signed, where the trail has grown.", ge=60, le=86_400
    )
    statement_at: str = key(
        "03:00",
        "The time of day, in `zone`, at which the public statement of the day is signed and published.",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        strict=True,
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        ids = [each.id for each in self.anchors]
        for each in ids:
            if ids.count(each) > 1:
                msg = f"anchors: {each} stands here twice"
                raise ValueError(msg)
        if self.checkpoint_key_file is not None and self.checkpoint_key_file == self.receipt_key_file:
            msg = "checkpoint_key_file and receipt_key_file must be two files"
            raise ValueError(msg)
        return self
