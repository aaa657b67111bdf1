"""What is in the cache before a rule comes: fresh, stale, renewed, negative, and of every kind of answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import dns.message
import pytest

from filterd.operations import subscribers
from filterd.operations.context import Context
from filterd.operations.orders import ending
from tests.e2e.deployment import ede, soon
from tests.evasion.asking import framed, query, streamed
from tests.evasion.form import Course, Gets, Way, course, has_data, judge, plain, word_of
from tests.evasion.lab import CENSORED, EVIDENCE, FILTERED, TCP, UDP, Lab
from tests.evasion.names import ADULT, CHILD, CLIENTS, FORBIDDEN, FORBIDDEN6, OWNER, STRANGER, WAY
from tests.evasion.packets import with_flags, without_edns
from tests.evasion.scripted import Held, Reply, Says, chain


def everybody(lab: Lab, name: str, gets: Gets, rtype: str = "A") -> None:
    for client in CLIENTS:
        for transport in (UDP, TCP):
            judge(lab.send(plain(name, rtype), client, transport), gets, f"{name} {client} {transport}")


def ordered_later(id: str, says: Callable[[str], Says], rtype: str = "A", entry: str = "") -> Course:
    """A name that leads to another, cached for all; then the other (or ``entry``) comes under an order, which
    is withdrawn at the end."""

    def steps(lab: Lab) -> None:
        target = f"{lab.fresh()}.{id}.other.example"
        name = f"{lab.fresh()}.{id}.{WAY}"
        lab.upstream.says[name] = says(target)
        everybody(lab, name, Gets.SERVED, rtype)
        asked = lab.upstream.asked[name]
        reference = lab.order(entry or target)
        assert soon(lambda: ede(lab.ask(name, rtype)) == [CENSORED])
        everybody(lab, name, Gets.CENSORED, rtype)

        async def withdraw(context: Context) -> None:
            await ending.withdraw(context, reference, reason="lifted")

        lab.changing(withdraw)
        assert soon(lambda: has_data(lab.send(plain(name, rtype))))
        everybody(lab, name, Gets.SERVED, rtype)
        assert lab.upstream.asked[name] == asked

    return Course(id, steps)


def _the_name_itself(lab: Lab) -> None:
    """Cached under every combination of flags, each of which is an entry of its own."""
    name = f"{lab.fresh()}.itself.other.example"
    lab.upstream.says[name] = Says([f"@ A {FORBIDDEN}"])
    builders = [
        plain,
        without_edns,
        with_flags(0x0110),
        with_flags(0x0100, 0x8000),
        with_flags(0x0110, 0x8000),
    ]
    for build in builders:
        judge(lab.send(build(name, "A")), Gets.SERVED)
    lab.order(name, wait=name)
    for build in builders:
        for client in CLIENTS:
            for transport in (UDP, TCP):
                answer = lab.send(build(name, "A"), client, transport)
                judge(answer, Gets.CENSORED, edns=build is not without_edns)


def failing_after(first: Says) -> tuple[Callable[[dns.message.Message], bytes], list[Says]]:
    """A reply that can be changed: the list's last element is what is said."""
    said = [first]
    return (lambda query: said[-1](query)), said


def _stale(lab: Lab) -> None:
    """An alias outlives its TTL while the upstream fails, and its target comes under an order meanwhile."""
    target, name = f"{lab.fresh()}.gone.other.example", f"{lab.fresh()}.stale.{WAY}"
    reply, said = failing_after(Says([f"@ CNAME {target}.", f"{target}. A {FORBIDDEN}"], ttl=1))
    lab.upstream.says[name] = reply
    judge(lab.send(query(name)), Gets.SERVED)
    said.append(Says(rcode="SERVFAIL"))
    time.sleep(1.1)  # a TTL is a second at least
    answer = dns.message.from_wire(lab.send(query(name)))
    assert 3 in ede(answer), answer
    lab.order(target)
    assert soon(lambda: ede(lab.ask(name)) == [CENSORED])
    everybody(lab, name, Gets.CENSORED)


def _renewed(lab: Lab) -> None:
    """A popular answer is renewed before it ends and then leads to an ordered name: nothing has its data."""
    name = f"{lab.fresh()}.renewed.{WAY}"
    reply, said = failing_after(Says(["@ A 192.0.2.1"], ttl=2))
    lab.upstream.says[name] = reply
    judge(lab.send(query(name)), Gets.WITHHELD)
    said.append(chain("x.ordered.example"))

    def censored() -> bool:
        answer = lab.send(query(name))
        assert not has_data(answer)
        return ede(dns.message.from_wire(answer)) == [CENSORED]

    assert soon(censored)
    everybody(lab, name, Gets.CENSORED)


def _negative(lab: Lab) -> None:
    """A name that was denied comes under an order: the reason is the order's, and nothing is asked."""
    name = f"{lab.fresh()}.denied.other.example"
    soa = "other.example. SOA ns.example. host.example. 1 3600 600 86400 60"
    lab.upstream.says[name] = Says((), [soa], rcode="NXDOMAIN")
    for client in CLIENTS:
        judge(lab.send(query(name), client), Gets.ANYTHING)
    lab.order(name, wait=name)
    lab.upstream.says[name] = Says([f"@ A {FORBIDDEN}"])
    everybody(lab, name, Gets.CENSORED)


def _negative_behind_an_alias(lab: Lab) -> None:
    target, name = f"{lab.fresh()}.denied-target.other.example", f"{lab.fresh()}.denied-alias.{WAY}"
    soa = "other.example. SOA ns.example. host.example. 1 3600 600 86400 60"
    lab.upstream.says[name] = Says([f"@ CNAME {target}."], [soa], rcode="NXDOMAIN")
    judge(lab.send(query(name)), Gets.ANYTHING)
    lab.order(target)
    assert soon(lambda: ede(lab.ask(name)) == [CENSORED])
    everybody(lab, name, Gets.CENSORED)


def _a_line_that_opts_in(lab: Lab) -> None:
    """An alias of a category, cached for others and for this line, before it asks for restriction."""
    client, name = "127.0.0.30", f"{lab.fresh()}.opting.{WAY}"
    lab.upstream.says[name] = chain(f"x.{ADULT}")
    for each in (client, STRANGER):
        judge(lab.send(query(name), each), Gets.SERVED)

    async def opt_in(context: Context) -> None:
        await subscribers.add(context, "late", prefixes=(client,))
        await subscribers.opt_in(context, "late", "children", EVIDENCE)

    lab.changing(opt_in)
    assert soon(lambda: not has_data(lab.send(query(name), client)))
    for transport in (UDP, TCP):
        judge(lab.send(query(name), client, transport), Gets.FILTERED)
        judge(lab.send(query(name), STRANGER, transport), Gets.SERVED)


def _an_address_that_changes_its_line(lab: Lab) -> None:
    """A line goes and its address is nobody's again: what it had is not what the next one gets."""
    client, name = "127.0.0.31", f"{lab.fresh()}.moving.{WAY}"
    lab.upstream.says[name] = chain(f"x.{ADULT}")

    async def opt_in(context: Context) -> None:
        await subscribers.add(context, "moving", prefixes=(client,))
        await subscribers.opt_in(context, "moving", "children", EVIDENCE)

    async def opt_out(context: Context) -> None:
        await subscribers.opt_out(context, "moving")

    lab.changing(opt_in)
    assert soon(lambda: ede(lab.ask(name, client=client)) == [17])
    lab.changing(opt_out)
    assert soon(lambda: has_data(lab.send(query(name), client)))
    judge(lab.send(query(name), CHILD), Gets.FILTERED)


def alone(lab: Lab, wire: bytes, client: str, transport: str) -> bytes:
    """The answer to one query, on a socket of its own."""
    if transport == TCP:
        (answer,) = streamed(lab, framed(wire), client=client, expect=1)
        return answer
    with lab.socket_of(client) as sock:
        sock.sendto(wire, ("127.0.0.1", lab.port))
        return sock.recv(65535)


@contextmanager
def waiting(lab: Lab, name: str, reply: Reply) -> Iterator[dict[tuple[str, str], Future[bytes]]]:
    """Every client asks for a name over both transports; what they ask for is held until the end of the
    block, and their answers are there after it."""
    held = lab.upstream.says[name] = Held(reply)
    with ThreadPoolExecutor(2 * len(CLIENTS)) as pool:
        asked = {
            (client, transport): pool.submit(alone, lab, query(name), client, transport)
            for client in CLIENTS
            for transport in (UDP, TCP)
        }
        try:
            assert soon(lambda: lab.upstream.asked[name] > 0)
            yield asked
        finally:
            held.gate.set()
    lab.upstream.says[name] = reply


def _one_question_for_several_lines(lab: Lab) -> None:
    """They wait for the same answer of the upstream, and each gets what is right for its line."""
    name = f"{lab.fresh()}.joined.{WAY}"
    with waiting(lab, name, chain(f"x.{ADULT}")) as asked:
        pass
    for (client, transport), answer in asked.items():
        gets = Gets.FILTERED if client == CHILD else Gets.SERVED
        judge(answer.result(), gets, f"{client} {transport}")


def _ordered_while_the_upstream_is_asked(lab: Lab) -> None:
    """The order comes between question and answer: its target is judged by what holds then."""
    target, name = f"{lab.fresh()}.sudden.other.example", f"{lab.fresh()}.sudden.{WAY}"
    told = f"{lab.fresh()}.told.other.example"
    with waiting(lab, name, chain(target)) as asked:
        lab.order(target)
        lab.order(told, wait=told)
    for (client, transport), answer in asked.items():
        judge(answer.result(), Gets.CENSORED, f"{client} {transport}")


def _denied_while_the_upstream_is_asked(lab: Lab) -> None:
    """The same with a line's own wish, for the name that it asks itself."""
    name, told = f"{lab.fresh()}.wished.other.example", f"{lab.fresh()}.told.other.example"

    async def deny(context: Context) -> None:
        await subscribers.deny(context, "owner", name)
        await subscribers.deny(context, "owner", told)

    with waiting(lab, name, Says([f"@ A {FORBIDDEN}"])) as asked:
        lab.changing(deny)
        assert soon(lambda: ede(lab.ask(told, client=OWNER)) == [FILTERED])
    for (client, transport), answer in asked.items():
        gets = Gets.FILTERED if client == OWNER else Gets.SERVED
        judge(answer.result(), gets, f"{client} {transport}")


FORMS: tuple[Way, ...] = (
    ordered_later("alias", lambda target: chain(target)),
    ordered_later("alias-of-five", lambda target: chain(*(f"c{n}.other.example" for n in range(4)), target)),
    ordered_later("alias-midway", lambda target: chain(target, "cdn.other.example")),
    ordered_later("alias-ipv6", lambda target: chain(target, last=(f"AAAA {FORBIDDEN6}",)), "AAAA"),
    ordered_later("target", lambda target: Says([f"@ HTTPS 1 {target}. ipv4hint={FORBIDDEN}"]), "HTTPS"),
    ordered_later(
        "alias-mode",
        lambda target: Says([f"@ HTTPS 0 {target}.", f"@ HTTPS 1 . ipv4hint={FORBIDDEN}"]),
        "HTTPS",
    ),
    ordered_later(
        "hint",
        lambda target: Says([f"@ HTTPS 1 . ipv4hint=198.51.100.201,{FORBIDDEN}"]),
        "HTTPS",
        "198.51.100.201",
    ),
    ordered_later(
        "address", lambda target: Says(["@ A 198.51.100.202", f"@ A {FORBIDDEN}"]), "A", "198.51.100.202"
    ),
    ordered_later(
        "address-ipv6",
        lambda target: Says(["@ AAAA 2001:db8:77::1", f"@ AAAA {FORBIDDEN6}"]),
        "AAAA",
        "2001:db8:77::1",
    ),
    *map(
        course,
        (
            _one_question_for_several_lines,
            _ordered_while_the_upstream_is_asked,
            _denied_while_the_upstream_is_asked,
            _the_name_itself,
            _stale,
            _renewed,
            _negative,
            _negative_behind_an_alias,
            _a_line_that_opts_in,
            _an_address_that_changes_its_line,
        ),
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=word_of)
def test_form(lab: Lab, form: Way) -> None:
    form.run(lab)
