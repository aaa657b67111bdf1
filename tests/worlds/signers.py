"""Signers of lists: key pairs without a password, and lists signed by filterd or by Debian's ``minisign``."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import minisign

from filterd.feed.signing import MANIFEST, SIGNATURE, manifest_of, public_key_of, read_secret_key, sign


@dataclass(frozen=True)
class Signer:
    """A key pair; the secret key's file content has no password."""

    secret: bytes

    @classmethod
    def new(cls) -> Signer:
        """A fresh one."""
        return cls(bytes(minisign.KeyPair.generate().secret_key) + b"\n")

    @property
    def public_key(self) -> str:
        """As it stands in an entry."""
        return public_key_of(read_secret_key(self.secret))

    def proof(self, content: bytes, feed: str, serial: int, name: str = "list.txt") -> tuple[bytes, bytes]:
        """Manifest and signature of a list."""
        manifest = manifest_of(hashlib.sha256(content).hexdigest(), name)
        return manifest, sign(read_secret_key(self.secret), manifest, feed, serial)

    def place(self, path: Path, content: bytes, feed: str, serial: int) -> None:
        """Write a list and the two files beside it."""
        manifest, signature = self.proof(content, feed, serial, path.name)
        path.write_bytes(content)
        Path(f"{path}{MANIFEST}").write_bytes(manifest)
        Path(f"{path}{SIGNATURE}").write_bytes(signature)

    def minisign(self, folder: Path, manifest: bytes, comment: str, *options: str) -> bytes:
        """The signature that Debian's program makes of a manifest."""
        for name, content in (("key", self.secret), ("manifest", manifest)):
            (folder / name).write_bytes(content)
        command = ["minisign", "-S", "-s", "key", "-m", "manifest", "-x", "made", "-t", comment, *options]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return (folder / "made").read_bytes()


def minisign_accepts(folder: Path, public_key: str, manifest: bytes, signature: bytes) -> str:
    """The trusted comment that Debian's program believes; empty where it refuses the signature."""
    (folder / "manifest").write_bytes(manifest)
    (folder / "given").write_bytes(signature)
    command = ["minisign", "-V", "-Q", "-H", "-P", public_key, "-m", "manifest", "-x", "given"]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""
