"""Makes the settings on signatures of what the configuration file says."""

from __future__ import annotations

from pathlib import Path

from filterd.config.raw_signing import RawAnchor, RawSigning
from filterd.config.signing_settings import AnchorKind, AnchorSettings, SigningSettings


def signing(raw: RawSigning, base: Path, state_dir: Path) -> SigningSettings:
    """The settings; relative paths are below ``base``, the default files of keys below ``state_dir``."""
    keys = state_dir / "keys"
    return SigningSettings(
        base / (raw.checkpoint_key_file or keys / "checkpoint.key"),
        base / (raw.receipt_key_file or keys / "receipt.key"),
        tuple(_anchor(each, base) for each in raw.anchors),
        raw.every,
        raw.statement_at,
    )


def _anchor(raw: RawAnchor, base: Path) -> AnchorSettings:
    def below(path: Path | None) -> Path | None:
        return None if path is None else base / path

    return AnchorSettings(
        raw.id,
        AnchorKind(raw.kind),
        below(raw.path),
        raw.url or "",
        below(raw.ca),
        below(raw.tls_ca),
        below(raw.key),
        raw.every,
        raw.timeout,
    )
