"""The key that signs published lists: minisign's, without a password, made at the first publishing.

The trail announces it as it does the other keys that sign. Others believe this one alone: where its file is
gone or damaged nothing is published until a person puts it back or has a new one made.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from filterd.config.settings import Settings
from filterd.disk import list_keys
from filterd.disk.files import close_to_others
from filterd.disk.signing_keys import SigningKeyError
from filterd.feed.signing import LARGEST_PROOF, KeyFileError, key_id, public_key_of, read_secret_key, sign
from filterd.operations.context import Context
from filterd.operations.errors import UnusableError
from filterd.operations.key_locks import key_lock

LOCK = "publish.lock"
REMEDY = (
    "put the key back from where you keep it; a new one (filterd key rotate --purpose list --reason ...) is"
    " believed only by those who are given its public key"
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
    vouch: Callable[[bytes], bytes] = field(repr=False)
    """the signature file of a text about keys"""

    @property
    def public_file(self) -> bytes:
        """The file of the public key, as minisign writes it."""
        return f"untrusted comment: minisign public key {self.key_id}\n{self.public_key}\n".encode()


@asynccontextmanager
async def alone(context: Context) -> AsyncIterator[None]:
    """Keep other processes from publishing meanwhile, and from changing the key. Raises UnusableError."""
    async with key_lock(context, LOCK, "another process publishes lists"):
        yield


def publisher(settings: Settings, *, first: bool) -> ListSigner:
    """The key; with ``first`` it is made where there is none. Only within :func:`alone`. Raises
    UnusableError."""
    path = settings.publish.key_file
    try:
        if not first and not path.exists():
            message = f"the key {path}, which signed lists before, is gone"
            raise UnusableError(message, REMEDY)
        vouching = list_keys.make(path)
        close_to_others(path)
        with path.open("rb") as file:
            key = read_secret_key(file.read(LARGEST_PROOF))
    except OSError as error:
        message = f"the key {path} cannot be read or made: {error.strerror or 'another process holds it'}"
        raise UnusableError(message, "give its directory to the user that runs filterd") from error
    except list_keys.PasswordError as error:
        raise UnusableError(str(error), "take the password away: minisign -C -W -s FILE") from error
    except (SigningKeyError, KeyFileError) as error:
        raise UnusableError(str(error), REMEDY) from error
    public = public_key_of(key)
    return ListSigner(
        key_id(public), public, lambda data, feed, serial: sign(key, data, feed, serial), vouching.sign
    )
