"""The key that signs published lists: minisign's, without a password, made at the first publishing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.files import close_to_others, make_directory, replace_file
from filterd.feed.signing import LARGEST_PROOF, KeyFileError, key_id, public_key_of, read_secret_key, sign
from filterd.operations.errors import UnusableError

REMEDY = (
    "put the key back from where you keep it; a new one (minisign -G -W) is believed only by those who are"
    " given its public key"
)


@dataclass(frozen=True, slots=True)
class ListSigner:
    """Signs editions."""

    key_id: str
    """16 hexadecimal digits, as minisign prints it"""
    public_key: str
    """as it stands in a feed's entry: ``RWQ`` and 53 more characters"""
    sign: Callable[[bytes, str, int], bytes] = field(repr=False)
    """the signature file of bytes, for a list and a serial"""

    @property
    def public_file(self) -> bytes:
        """The file of the public key, as minisign writes it."""
        return f"untrusted comment: minisign public key {self.key_id}\n{self.public_key}\n".encode()


def publisher(settings: Settings) -> ListSigner:
    """The key, made where there is none: call it under the lock of publishing. Raises UnusableError."""
    path = settings.publish.key_file
    try:
        if not path.exists():
            _make(path)
        close_to_others(path)
        with path.open("rb") as file:
            key = read_secret_key(file.read(LARGEST_PROOF))
    except OSError as error:
        message = f"the key {path} cannot be read or made: {error.strerror}"
        raise UnusableError(message, "give its directory to the user that runs filterd") from error
    except KeyFileError as error:
        message = f"{path}: {error}"
        raise UnusableError(message, REMEDY) from error
    if key.is_encrypted():
        message = f"the key {path} has a password, which nobody is there to give"
        raise UnusableError(message, "take the password away: minisign -C -W -s FILE")
    public = public_key_of(key)
    return ListSigner(key_id(public), public, lambda data, feed, serial: sign(key, data, feed, serial))


def _make(path: Path) -> None:
    import minisign

    make_directory(path.parent)
    replace_file(path, (bytes(minisign.KeyPair.generate().secret_key) + b"\n",))
