"""Time stamps on checkpoints by an authority (RFC 3161), and their proof.

The stamp is on the bytes of the checkpoint's signed text, so that a third party verifies it with
``openssl ts -verify -data CHECKPOINT.json -in STAMP.tsr -CAfile CA.pem``. A reply counts only when it is
granted, signed by a certificate that leads to those of the operator's file, on these bytes, and for the query
that was sent (its nonce).

Some authorities send their certificates in an order that DER forbids (X.690 section 11.6), and the library
refuses such a reply. Where the operator's file has the authority's own certificate, none are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampRequest, TimeStampResponse


class TimestampError(Exception):
    """The stamp proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The certificates of the operator's file."""

    roots: tuple[Certificate, ...]
    others: tuple[Certificate, ...]
    stamps: Certificate | None
    """the authority's own, which signs stamps"""


def query(text: str, ca: Path) -> TimeStampRequest:
    """A query for a stamp on a text: SHA-256, with a nonce, asking for the certificate that is not in ``ca``.
    Raises TimestampError where that cannot be read."""
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    builder = TimestampRequestBuilder().data(text.encode()).hash_algorithm(HashAlgorithm.SHA256)
    asks = _certificates(ca).stamps is None
    return builder.nonce(nonce=True).cert_request(cert_request=asks).build()


def stamped_at(reply: bytes, text: str, ca: Path, asked: TimeStampRequest | None = None) -> float:
    """The time (Unix seconds) that a reply proves for a text. ``asked``: the query that it must answer.
    Raises TimestampError, also where ``ca`` cannot be read."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

    known = _certificates(ca)
    try:
        response = decode_timestamp_response(reply)
        builder = VerifierBuilder() if asked is None else VerifierBuilder.from_request(asked)
        for each in known.roots:
            builder = builder.add_root_certificate(each)
        for each in known.others:
            builder = builder.add_intermediate_certificate(each)
        if known.stamps is not None:
            builder = builder.tsa_certificate(known.stamps)
        _require_granted(response)
        builder.build().verify_message(response, text.encode())
        return response.tst_info.gen_time.timestamp()
    except (VerificationError, ValueError, TypeError, OverflowError) as error:
        msg = f"its stamp is not valid: {error}"
        raise TimestampError(msg) from error


def _require_granted(response: TimeStampResponse) -> None:
    if response.status != 0:
        msg = f"the authority refused (status {response.status})"
        raise ValueError(msg)


def _certificates(ca: Path) -> _Known:
    """The certificates of a PEM file: those that issued themselves, and others."""
    from cryptography.x509 import load_pem_x509_certificates

    try:
        found = load_pem_x509_certificates(ca.read_bytes())
    except OSError as error:
        msg = f"{ca} cannot be read: {error.strerror}"
        raise TimestampError(msg) from error
    except ValueError as error:
        msg = f"{ca} holds no certificate in PEM form"
        raise TimestampError(msg) from error
    stamps = next(filter(_signs_stamps, found), None)
    issuers = [each for each in found if each != stamps]
    roots = [each for each in issuers if each.issuer == each.subject]
    others = [each for each in issuers if each not in roots]
    return _Known(tuple(roots or others), tuple(others if roots else ()), stamps)


def _signs_stamps(certificate: Certificate) -> bool:
    from cryptography.x509 import ExtendedKeyUsage, ExtensionNotFound
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except (ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage
