"""Fetching from a server that misbehaves: every failure has its own phrase, and brings nothing."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from filterd.fetch.failures import FetchError, FetchFailure
from filterd.fetch.request import Validators
from filterd.policy.feed_documents import BasicLogin, HeaderLogin
from tests.unit.fetch.conftest import NAMES, Lab
from tests.worlds.list_server import Fault

WAYS = {
    Fault.STALL: FetchFailure.STALLED,
    Fault.LORIS: FetchFailure.TIMEOUT,
    Fault.SILENT: FetchFailure.STALLED,
    Fault.RESET: FetchFailure.SHORT,
    Fault.SHORT: FetchFailure.SHORT,
    Fault.NO_LENGTH: FetchFailure.NO_LENGTH,
    Fault.NO_HTTP: FetchFailure.UNASKED,
    Fault.GONE: FetchFailure.GONE,
    Fault.GONE_FOR_GOOD: FetchFailure.GONE,
    Fault.FORBIDDEN: FetchFailure.LOGIN,
    Fault.SERVER_ERROR: FetchFailure.SERVER_ERROR,
    Fault.BUSY: FetchFailure.BUSY,
    Fault.PARTIAL: FetchFailure.UNASKED,
    Fault.UNASKED_304: FetchFailure.UNASKED,
    Fault.TO_HTTP: FetchFailure.NOT_HTTPS,
    Fault.TO_ITSELF: FetchFailure.REDIRECTS,
    Fault.BOMB: FetchFailure.TOO_LARGE,
    Fault.DAMAGED_GZIP: FetchFailure.DAMAGED,
    Fault.BROTLI: FetchFailure.UNASKED,
    Fault.OTHER_NAME: FetchFailure.OTHER_NAME,
    Fault.EXPIRED: FetchFailure.EXPIRED,
    Fault.OTHER_AUTHORITY: FetchFailure.UNKNOWN_AUTHORITY,
}


@pytest.mark.parametrize("fault", WAYS)
async def test_each_fault_has_its_failure(lab: Lab, fault: Fault) -> None:
    lab.server.faults["adult"] = fault
    with pytest.raises(FetchError) as caught:
        await lab.get(path="/names.txt?token=hidden")
    assert caught.value.failure is WAYS[fault], caught.value
    assert caught.value.host == "adult.lists.example" or fault is Fault.TO_HTTP
    assert "hidden" not in str(caught.value)
    chained = None if caught.value.__suppress_context__ else caught.value.__context__
    assert chained is None, "its text may hold the address"
    assert lab.server.served[fault] >= (2 if WAYS[fault].transient else 1)


async def test_a_list_arrives_whole_and_is_asked_for_by_its_marks(lab: Lab) -> None:
    first = await lab.get()
    assert lab.got == NAMES
    assert first.modified
    assert first.host == "adult.lists.example"
    again = await lab.get(validators=first.validators)
    assert not again.modified
    assert lab.got == b""
    lab.server.lists["adult"] += b"new.example\n"
    assert (await lab.get(validators=first.validators)).modified
    assert lab.got == NAMES + b"new.example\n"


async def test_a_packed_file_stays_as_it_is(lab: Lab) -> None:
    await lab.get(path="/names.txt.gz")
    assert gzip.decompress(lab.got) == NAMES


async def test_the_cap_is_on_what_is_unpacked(lab: Lab) -> None:
    lab.size = len(NAMES) - 1
    with pytest.raises(FetchError, match="larger than is taken"):
        await lab.get()


async def test_a_redirect_is_followed_without_the_login(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer s3cret\n")
    login = HeaderLogin("Authorization", "token")
    lab.server.faults["adult"] = Fault.ELSEWHERE
    reply = await lab.get(login=login)
    assert lab.got == NAMES
    assert reply.host == "elsewhere.lists.example"
    assert [each.headers.get("authorization") for each in lab.server.requests] == ["Bearer s3cret", None]


async def test_secrets_are_read_at_each_use_and_never_told(lab: Lab, tmp_path: Path) -> None:
    lab.server.required["adult"] = ("Authorization", "Basic YW5hOnMzY3JldA==")
    login = BasicLogin("ana", "password")
    with pytest.raises(FetchError, match="password: No such file") as missing:
        await lab.get(login=login)
    assert missing.value.failure is FetchFailure.SECRET
    (tmp_path / "password").write_text("wrong-s3cret")
    with pytest.raises(FetchError, match="does not accept the login") as refused:
        await lab.get(login=login)
    assert "s3cret" not in repr(refused.value)
    (tmp_path / "password").write_text("s3cret\n")
    await lab.get(login=login)
    assert lab.got == NAMES


async def test_attempts_wait_longer_each_time_and_as_long_as_was_asked(lab: Lab) -> None:
    lab.attempts = 4
    lab.server.faults["adult"] = Fault.SERVER_ERROR
    with pytest.raises(FetchError):
        await lab.get()
    assert lab.waits == [1.0, 2.0, 4.0]
    lab.waits.clear()
    lab.server.faults["adult"] = Fault.BUSY
    with pytest.raises(FetchError):
        await lab.get()
    assert lab.waits == [1.0, 2.0, 4.0]


async def test_validators_that_cannot_be_sent_back_are_dropped() -> None:
    assert not Validators()
    assert Validators("", "Thu, 26 Nov 2026 16:00:00 GMT")


async def test_a_host_without_addresses_and_a_dns_server_that_is_silent(lab: Lab) -> None:
    def nothing(_host: str) -> tuple[str, ...]:
        return ()

    def silent(_host: str) -> tuple[str, ...]:
        raise LookupError

    for addresses, failure in ((nothing, FetchFailure.NO_NAME), (silent, FetchFailure.NO_RESOLVER)):
        lab.addresses = addresses
        with pytest.raises(FetchError) as caught:
            await lab.get()
        assert caught.value.failure is failure
