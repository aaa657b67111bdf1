"""The schema of the section ``publish`` of the configuration file."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from filterd.config.raw_types import FilePath, Section, key


class RawPublish(Section):
    """The publishing of lists of one's own, signed, for other providers and for anybody."""

    directory: FilePath | None = key(
        None,
        "The directory that `filterd feed publish` writes, and from which the public pages serve signed "
        "lists below /servicio/listas and /service/lists. Without it they serve none.",
    )
    key_file: FilePath | None = key(
        None,
        "The secret key that signs published lists, as `minisign -G -W` makes it (no password); made where "
        "there is none. Default: keys/publish.key, in state_dir.",
    )
    licence: str = key(
        "",
        "The licence or terms that the manifest of each published list names, such as CC0-1.0: one line.",
        pattern="^[^\\x00-\\x1f\\x7f]{0,200}$",
        strict=True,
    )
    on_change: bool = key(
        False,
        "Control publishes a list again in `directory` once another version of it is in force, or another "
        "key signs: only lists that `filterd feed publish` has published there before. Off: by hand alone.",
    )

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.on_change and self.directory is None:
            msg = "on_change: write directory too: nothing is published without one"
            raise ValueError(msg)
        return self
