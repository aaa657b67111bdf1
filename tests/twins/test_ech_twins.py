"""ECH taken out by the native code and by its reference, of sound records and hostile ones."""

from __future__ import annotations

import contextlib
from struct import pack

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdtypes.svcbbase
from dns.rdatatype import RdataType
from hypothesis import given, settings
from hypothesis import strategies as st

from filterd.wire import codec, codec_reference, queries_reference, respond, respond_reference
from filterd.wire.ech_reference import ech_types
from filterd.wire.options import AnswerOptions
from filterd.wire.status import Status
from tests.twins.test_wire_twins import answer_options
from tests.worlds.examples import examples
from tests.worlds.services import ECH, SECRET, hostile, sound

ASKED, NAME, OTHER = b"\xc0\x0c", b"\x03WwW\x07example\0", b"\x05other\x07example\0"
POINTED = b"\x01a\xc0\x10"
"""below the question's parent"""
TARGETS = [b"\0", OTHER, NAME, b"\x3f" + b"x" * 63 + b"\0"]
HTTPS, SVCB, RRSIG, A, CNAME, SOA, NSEC, ANY = 65, 64, 46, 1, 5, 6, 47, 255
SOA_DATA = b"\0\0" + bytes(20)
UNSOUND = hostile(TARGETS)

owners = st.sampled_from([ASKED, ASKED, ASKED, NAME, OTHER, POINTED])
others = st.one_of(
    st.tuples(st.just(A), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(CNAME), st.sampled_from([OTHER, POINTED])),
    st.tuples(
        st.just(RRSIG),
        st.sampled_from([HTTPS, SVCB, A]).map(lambda kind: pack("!H", kind) + bytes(16) + OTHER + b"sig"),
    ),
    st.tuples(st.just(SOA), st.just(SOA_DATA)),
    st.tuples(st.just(NSEC), st.just(OTHER + b"\0\1\x40")),
)


@st.composite
def messages(draw: st.DrawFn, services: st.SearchStrategy[bytes]) -> bytes:
    """An answer with services among other records, in every section."""
    kinds = st.sampled_from([HTTPS, HTTPS, SVCB])
    one = st.one_of(st.tuples(kinds, services), st.tuples(kinds, services), others)
    if services is UNSOUND:
        one |= st.tuples(st.just(RRSIG), st.sampled_from([b"", b"\0"]))
    sections = [draw(st.lists(st.tuples(owners, one), max_size=size)) for size in (5, 3, 3)]
    ttls = st.sampled_from([0, 60, 86_400, 0x80000001])
    body = b"".join(
        owner + pack("!HHIH", kind, draw(st.sampled_from([1, 1, 1, 3])), draw(ttls), len(data)) + data
        for section in sections
        for owner, (kind, data) in section
    )
    flags = draw(st.sampled_from([0x8180, 0x8180, 0x8183, 0x81A0]))
    qtype = draw(st.sampled_from([HTTPS, HTTPS, SVCB, ANY, A]))
    header = pack("!HHHHHH", 7, flags, 1, *map(len, sections))
    return header + NAME + pack("!HH", qtype, 1) + body


def asked(message: bytes, *, dnssec: bool = True) -> tuple[codec.ParsedQuery, queries_reference.ParsedQuery]:
    """The question of the message, as a query."""
    opt = b"\0" + pack("!HHIH", 41, 1232, 0x8000 * dnssec, 0)
    packet = b"\x12\x34\1\0\0\1\0\0\0\0\0\1" + message[12 : 12 + len(NAME) + 4] + opt
    native, plain = codec.parse(packet), queries_reference.parse(packet)
    assert not isinstance(native, Status)
    assert not isinstance(plain, Status)
    return native, plain


@given(
    message=messages(sound(TARGETS)),
    chosen=answer_options,
    dnssec=st.booleans(),
    size=st.integers(0, 40),
)
@settings(max_examples=examples(167), deadline=None)
def test_both_take_out_the_same(message: bytes, chosen: AnswerOptions, dnssec: bool, size: int) -> None:
    options: AnswerOptions = {**chosen, "strip_ech": True}
    native, plain = asked(message, dnssec=dnssec)
    for content in (message, message[: len(message) - size]):
        assert respond.answer(native, content, **options) == respond_reference.answer(
            plain, content, **options
        )
        rewritten = respond.rewrite(native, OTHER, content, **options)
        assert rewritten == respond_reference.rewrite(plain, OTHER, content, **options)


@given(message=messages(UNSOUND), dnssec=st.booleans())
@settings(max_examples=examples(167), deadline=None)
def test_both_refuse_the_same(message: bytes, dnssec: bool) -> None:
    native, plain = asked(message, dnssec=dnssec)
    found = respond.answer(native, message, strip_ech=True)
    assert found == respond_reference.answer(plain, message, strip_ech=True)
    found = respond.rewrite(native, OTHER, message, strip_ech=True)
    assert found == respond_reference.rewrite(plain, OTHER, message, strip_ech=True)


def has_ech(answer: bytes) -> bool:
    """True if the answer has the parameter, whether dnspython can read the record or not."""
    if SECRET in answer:
        return True
    found = codec_reference.records(answer)
    assert not isinstance(found, Status)
    for each in found:
        if each.type in (HTTPS, SVCB):
            with contextlib.suppress(dns.exception.DNSException, ValueError):
                read = dns.rdata.from_wire(
                    dns.rdataclass.IN, RdataType(each.type), each.data, 0, len(each.data)
                )
                assert isinstance(read, dns.rdtypes.svcbbase.SVCBBase)
                if ECH in read.params:
                    return True
    return False


@given(message=messages(sound(TARGETS)) | messages(UNSOUND))
@settings(max_examples=examples(167), deadline=None)
def test_none_comes_through(message: bytes) -> None:
    native, _ = asked(message)
    assert not has_ech(respond.answer(native, message, strip_ech=True))
    assert not has_ech(respond.rewrite(native, OTHER, message, strip_ech=True))


@given(message=messages(sound(TARGETS)), ad=st.booleans())
@settings(max_examples=examples(100), deadline=None)
def test_an_answer_without_it_is_the_same_byte_for_byte(message: bytes, ad: bool) -> None:
    native, _ = asked(message)
    same = respond.answer(native, message, ad=ad) == respond.answer(native, message, ad=ad, strip_ech=True)
    assert same or ech_types(message)


def services_of(answer: bytes) -> list[tuple[int, bytes, dict[int, object]]]:
    """Priority, target and parameters of each service of the answer section, ECH aside; those that require it
    left out, and none in AliasMode where it stood there."""
    found = codec_reference.records(answer)
    assert not isinstance(found, Status)
    kept = []
    for each in found:
        if each.type not in (HTTPS, SVCB) or each.section != 1:
            continue
        read = dns.rdata.from_wire(dns.rdataclass.IN, RdataType(each.type), each.data, 0, len(each.data))
        assert isinstance(read, dns.rdtypes.svcbbase.SVCBBase)
        params = {int(key): value and value.to_text() for key, value in read.params.items()}
        if ECH in params:
            required = read.params.get(dns.rdtypes.svcbbase.ParamKey.MANDATORY)
            assert required is None or isinstance(required, dns.rdtypes.svcbbase.MandatoryParam)
            if read.priority and required is not None and ECH in required.keys:
                continue
            del params[ECH]
            params = params if read.priority else {}
        kept.append((read.priority, read.target.to_wire() or b"", params))
    return kept


@given(parameters=st.lists(sound(TARGETS), min_size=1, max_size=4))
@settings(max_examples=examples(100), deadline=None)
def test_what_is_left_is_what_a_client_without_ech_sees(parameters: list[bytes]) -> None:
    records = [ASKED + pack("!HHIH", HTTPS, 1, 60, len(data)) + data for data in parameters]
    message = (
        pack("!HHHHHH", 7, 0x8180, 1, len(records), 0, 0) + NAME + pack("!HH", HTTPS, 1) + b"".join(records)
    )
    try:
        expected = services_of(message)
    except (dns.exception.DNSException, ValueError):  # `mandatory` names what is not there
        return
    native, _ = asked(message)
    assert services_of(respond.answer(native, message, strip_ech=True)) == expected
