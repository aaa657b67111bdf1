"""Orders that wait, begin, end or are withdrawn: what holds at each moment, and how long devices keep it."""

from __future__ import annotations

import time
from dataclasses import replace

import dns.message
import pytest

from filterd.operations.context import Context, OperationError
from filterd.operations.orders import ending, taking
from tests.e2e.deployment import ede, soon
from tests.evasion.asking import query
from tests.evasion.form import Gets, Way, course, has_data, judge, plain, word_of
from tests.evasion.lab import CENSORED, TCP, UDP, Lab, add_order, approve
from tests.evasion.names import CLIENTS, FORBIDDEN, STRANGER, WAY
from tests.evasion.scripted import Says

CAP = 30
"""seconds that a device may keep the answer of a name that is about to be blocked"""


def new(lab: Lab, word: str) -> tuple[str, str, str]:
    """A name, an alias of it and a service that targets it, cached for a day."""
    name, alias, service = (
        f"{lab.fresh()}.{word}.other.example",
        f"{lab.fresh()}.{word}.{WAY}",
        f"{lab.fresh()}.{word}.{WAY}",
    )
    day = 86_400
    lab.upstream.says[name] = Says([f"@ A {FORBIDDEN}"], ttl=day)
    lab.upstream.says[alias] = Says([f"@ CNAME {name}.", f"{name}. A {FORBIDDEN}"], ttl=day)
    lab.upstream.says[service] = Says([f"@ HTTPS 1 {name}. ipv4hint={FORBIDDEN}"], ttl=day)
    for each, rtype in ((name, "A"), (alias, "A"), (service, "HTTPS")):
        judge(lab.send(plain(each, rtype)), Gets.SERVED)
    return name, alias, service


def all_of(lab: Lab, made: tuple[str, str, str], gets: Gets) -> list[dns.message.Message]:
    """Every client asks for all of them over both transports."""
    found = []
    for name, rtype in zip(made, ("A", "A", "HTTPS"), strict=True):
        for client in CLIENTS:
            for transport in (UDP, TCP):
                answer = lab.send(plain(name, rtype), client, transport)
                judge(answer, gets, f"{name} {client} {transport}")
                found.append(dns.message.from_wire(answer))
    return found


def longest(answers: list[dns.message.Message]) -> int:
    """The longest TTL of any record."""
    return max(
        rrset.ttl for answer in answers for rrset in (*answer.answer, *answer.authority, *answer.additional)
    )


def ttl_of(lab: Lab, name: str) -> int:
    return longest([dns.message.from_wire(lab.send(query(name)))])


def _pending(lab: Lab) -> None:
    """One person is not enough: it is served, and no device keeps it for long. The second one blocks it."""
    made = new(lab, "pending")
    assert ttl_of(lab, made[0]) > CAP

    async def add(context: Context) -> str:
        return await add_order(context, made[0])

    reference = lab.changing(add)
    assert soon(lambda: ttl_of(lab, made[0]) <= CAP, seconds=3)
    assert longest(all_of(lab, made, Gets.SERVED)) <= CAP

    async def second(context: Context) -> None:
        await approve(context, reference)

    lab.changing(second)
    assert soon(lambda: ede(lab.ask(made[0])) == [CENSORED])
    all_of(lab, made, Gets.CENSORED)


def _pending_until_withdrawn(lab: Lab) -> None:
    """It never comes in force: it was served all the time, and the TTLs are whole again."""
    made = new(lab, "dropped")

    async def add(context: Context) -> str:
        return await add_order(context, made[0])

    reference = lab.changing(add)
    all_of(lab, made, Gets.SERVED)

    async def withdraw(context: Context) -> None:
        await ending.withdraw(context, reference, reason="not this one")

    lab.changing(withdraw)
    assert soon(lambda: ttl_of(lab, made[0]) > CAP, seconds=3)
    all_of(lab, made, Gets.SERVED)


def _one_person_twice(lab: Lab) -> None:
    """The person who added it cannot be the second."""
    made = new(lab, "alone")

    async def twice(context: Context) -> str:
        reference = await add_order(context, made[0])
        with pytest.raises(OperationError, match="already"):
            await taking.approve(replace(context, actor="ana"), reference)
        return reference

    lab.changing(twice)
    told = f"{lab.fresh()}.told.other.example"
    lab.order(told, wait=told)
    all_of(lab, made, Gets.SERVED)


def _future(lab: Lab) -> None:
    """In force tomorrow: served today, and no device keeps it until then."""
    made = new(lab, "future")
    lab.order(made[0], not_before=int(time.time()) + 86_400)
    assert soon(lambda: ttl_of(lab, made[0]) <= CAP, seconds=3)
    assert longest(all_of(lab, made, Gets.SERVED)) <= CAP


def _beginning(lab: Lab) -> None:
    """It takes effect by the clock alone, on what is cached."""
    made = new(lab, "beginning")
    begins = int(time.time()) + 2
    lab.order(made[0], not_before=begins)
    assert soon(lambda: ede(lab.ask(made[0])) == [CENSORED])
    assert time.time() >= begins
    all_of(lab, made, Gets.CENSORED)


def _expiring(lab: Lab) -> None:
    """It ends by the clock alone; what was blocked is not kept for long."""
    made = new(lab, "expiring")
    lab.order(made[0], not_after=int(time.time()) + 4)
    assert soon(lambda: ede(lab.ask(made[0])) == [CENSORED])
    assert longest(all_of(lab, made, Gets.CENSORED)) <= CAP
    assert soon(lambda: has_data(lab.send(query(made[0]))))
    all_of(lab, made, Gets.SERVED)


def _withdrawn(lab: Lab) -> None:
    made = new(lab, "withdrawn")
    reference = lab.order(made[0], wait=made[0])
    all_of(lab, made, Gets.CENSORED)

    async def withdraw(context: Context) -> None:
        await ending.withdraw(context, reference, reason="lifted")

    lab.changing(withdraw)
    assert soon(lambda: has_data(lab.send(query(made[0]))))
    all_of(lab, made, Gets.SERVED)


def _two_orders_on_one_name(lab: Lab) -> None:
    """One of two is withdrawn: the other holds."""
    made = new(lab, "twice")
    reference = lab.order(made[0], wait=made[0])
    lab.order(made[0])

    async def withdraw(context: Context) -> None:
        await ending.withdraw(context, reference, reason="lifted")

    lab.changing(withdraw)
    told = f"{lab.fresh()}.told.other.example"
    lab.order(told, wait=told)
    all_of(lab, made, Gets.CENSORED)


def _confidential(lab: Lab) -> None:
    """It blocks with its code and without a text."""
    made = new(lab, "confidential")
    lab.order(made[0], wait=made[0], confidential=True)
    for answer in all_of(lab, made, Gets.CENSORED):
        assert not any(getattr(option, "text", None) for option in answer.options)
    judge(lab.send(query(f"x.{made[0]}"), STRANGER), Gets.CENSORED)


FORMS: tuple[Way, ...] = tuple(
    map(
        course,
        (
            _pending,
            _pending_until_withdrawn,
            _one_person_twice,
            _future,
            _beginning,
            _expiring,
            _withdrawn,
            _two_orders_on_one_name,
            _confidential,
        ),
    )
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)
