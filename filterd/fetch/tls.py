"""TLS with the servers of lists: verified always, and the server's key compared with the pins before anything
is asked."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from filterd.fetch.secrets import SecretError, Secrets
from filterd.policy.feed_documents import CertificateLogin, Login

OTHER_KEY = "the server's key is none of the pins"
"""the text of the error that a handshake with another key ends in"""


def client_context(
    ca: Path | None, pins: Sequence[str] = (), login: Login | None = None, secrets: Secrets | None = None
) -> ssl.SSLContext:
    """The TLS settings for one server. Raises SecretError (client certificate) and ``OSError`` (``ca``)."""
    context = ssl.create_default_context(cafile=None if ca is None else str(ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if isinstance(login, CertificateLogin) and secrets is not None:
        certificate, key = secrets.path(login.file), secrets.path(login.key_file)
        try:
            context.load_cert_chain(certificate, key, password=_no_password)
        except (OSError, ValueError):
            message = f"{certificate} with {key}: no certificate and key that belong together and can be read"
            raise SecretError(message) from None
    if pins:
        context.sslobject_class = _pinned(frozenset(pins))
    return context


def key_pin(certificate: bytes) -> str:
    """The pin of a certificate (DER): the SHA-256 of its public key with the key's kind, in base64."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_der_x509_certificate(certificate).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode("ascii")


def _pinned(pins: frozenset[str]) -> type[ssl.SSLObject]:
    """The class of connections that end their handshake with an error where the key is none of the pins."""

    class PinnedObject(ssl.SSLObject):
        """A connection that believes certain keys alone."""

        def do_handshake(self) -> None:
            """As usual, then compare the key: no request has been sent yet."""
            super().do_handshake()
            certificate: Any = self.getpeercert(binary_form=True)
            if certificate is None or key_pin(certificate) not in pins:
                raise ssl.SSLCertVerificationError(1, OTHER_KEY)

    return PinnedObject


def _no_password() -> bytes:
    """An empty password, so that an encrypted key fails instead of asking a terminal."""
    return b""
