"""The client library's errors as failures of ours. Their own texts hold addresses with query strings, so none
is passed on."""

from __future__ import annotations

import ssl

import aiohttp

from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.tls import OTHER_KEY

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED
_OTHER_NAME = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_UNKNOWN = (2, 18, 19, 20, 21)  # no issuer, or one that signed itself
_PROXY_REFUSES_LOGIN = 407


def failure_of(error: Exception, host: str) -> FetchError:
    """The failure that an error of a request, or of its answer, is."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _certificate(error.certificate_error, host)
    if isinstance(error, aiohttp.ClientSSLError):
        return FetchError(FetchFailure.UNTRUSTED, host)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return FetchError(FetchFailure.PROXY, host, f"answered {error.status}")
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return FetchError(FetchFailure.PROXY, host, error.os_error.strerror or "")
    if isinstance(error, aiohttp.SocketTimeoutError):
        return FetchError(FetchFailure.STALLED, host)
    if isinstance(error, TimeoutError):
        return FetchError(FetchFailure.TIMEOUT, host)
    if isinstance(error, aiohttp.ClientPayloadError):
        return FetchError(FetchFailure.SHORT, host)
    if isinstance(error, aiohttp.ClientConnectorError):
        return FetchError(FetchFailure.UNREACHABLE, host, error.os_error.strerror or "")
    if isinstance(error, aiohttp.ClientResponseError):
        return FetchError(FetchFailure.UNASKED, host, "no answer of HTTP")
    return FetchError(FetchFailure.BROKEN, host)


def _certificate(error: Exception, host: str) -> FetchError:
    code = getattr(error, "verify_code", 0)
    if isinstance(error, ssl.SSLError) and OTHER_KEY in error.args:
        return FetchError(FetchFailure.OTHER_KEY, host)
    if code == _EXPIRED:
        return FetchError(FetchFailure.EXPIRED, host)
    if code in _OTHER_NAME:
        return FetchError(FetchFailure.OTHER_NAME, host)
    if code in _UNKNOWN:
        return FetchError(FetchFailure.UNKNOWN_AUTHORITY, host)
    return FetchError(FetchFailure.UNTRUSTED, host)


def failure_of_status(status: int, host: str, asked_to_wait: float = 0.0) -> FetchError:
    """The failure that a status is which brings no list (RFC 9110 §15)."""
    detail = f"answered {status}"
    if status in (404, 410):
        return FetchError(FetchFailure.GONE, host, detail)
    if status in (401, 403, _PROXY_REFUSES_LOGIN):
        return FetchError(FetchFailure.LOGIN, host, detail)
    if status in (408, 425, 429, 503):
        return FetchError(FetchFailure.BUSY, host, detail, wait=asked_to_wait)
    if status >= 500:
        return FetchError(FetchFailure.SERVER_ERROR, host, detail)
    if status >= 400:
        return FetchError(FetchFailure.REFUSED, host, detail)
    return FetchError(FetchFailure.UNASKED, host, detail)
