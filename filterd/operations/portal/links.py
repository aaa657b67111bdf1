"""One-time links and codes by which the provider's own systems let a holder into the portal.

A link has 256 random bits, which nobody can guess. A code has 46 bits: wrong ones are limited, of one client
and of all, and its digest is keyed with a key outside the store. Either uses up both.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from filterd.model.portal import LINK_LONGEST, PortalRole, SignInMethod
from filterd.model.subscriber import AuthorisationState, Subscriber
from filterd.operations import input_values, lines
from filterd.operations.context import Context
from filterd.operations.errors import OperationError, UnknownError
from filterd.operations.notices import making
from filterd.operations.portal import sessions
from filterd.operations.portal.keyed import digest_of, keyed, portal_key, settings_of
from filterd.operations.portal.refusals import SignInRefusedError
from filterd.operations.portal.sessions import SignedIn, SignInBasis
from filterd.operations.portal.state import ACTOR, PortalState
from filterd.store import consent as consent_rows
from filterd.store import portal as rows
from filterd.store import subscribers as subscriber_rows
from filterd.store.portal import SignInLink
from filterd.store.store import Write

PATH = "/portal/entrar"
"""the page of the portal that links lead to"""
LETTERS = "23456789ACDEFGHJKMPQRTWXY"
"""those that nobody confuses, written or spoken in Spanish: no B and V, S and Z, M and N"""
CODE_LENGTH = 10
DEFAULT_SECONDS, MOST_SECONDS = 900, LINK_LONGEST
MOST_OPEN = 5
"""links of one line that can be used at one time; beyond, the oldest is withdrawn"""
MOST_LINES = 200
"""of one link"""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_LONGEST = 64
"""characters of a typed code that are looked at"""


@dataclass(frozen=True, slots=True)
class IssuedLink:
    """A link and the code beside it, which are shown this once; either signs in, once."""

    url: str = field(repr=False)
    """``<web.portal.public_url>/portal/entrar?k=<43 characters>``: a page with a button; GET uses nothing"""
    code: str = field(repr=False)
    """``K7QF2-9XMJA``: it can be spoken; typed in any case, with spaces or hyphens"""
    reference: str
    """``L-7``, for the audit trail"""
    expires_at: float
    """Unix seconds"""
    subscribers: tuple[str, ...]


async def issue(
    context: Context,
    subscriber: str,
    *,
    also: Sequence[str] = (),
    organisation: str = "",
    person: str = "",
    seconds: int = DEFAULT_SECONDS,
    tell: bool = False,
) -> IssuedLink:
    """Make a link for the holder of a line; with ``person`` (``A-7``) for one whom the holder authorised.

    ``also``: other lines of the same ``organisation``, which needs a name then. At most a day (``seconds``).
    Of the open links of a line the oldest is withdrawn where there are too many. ``tell``: make a notice to
    the holder, since whoever makes the link may not see all that it shows. Raises OperationError.
    """
    named = _checked(also, organisation, person, seconds)
    url, key = _public_url(context), portal_key(context.settings)
    secret, letters = secrets.token_urlsafe(32), "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))
    async with context.store.write(context.actor, context.clock()) as write:
        of = await _lines(write, (subscriber, *also))
        made = SignInLink(
            number=write.before.revision + 1,
            role=_role(named, person),
            authorisation=await _authorisation(write, of[0], person) if person else 0,
            organisation=named,
            made_at=write.now,
            expires_at=write.now + seconds,
            lines=tuple(each.line for each in of),
        )
        for each in of:
            present = await rows.open_links(write.connection, each.line, write.now)
            await rows.drop_links(write.connection, present[: max(0, len(present) + 1 - MOST_OPEN)])
        await rows.add_link(write.connection, made, digest_of(secret), keyed(key, "code", letters))
        for each in of:
            write.audit("subscriber.sign_in_link", lines.subject(each.line), after=_audited(made))
        if tell:
            told = [(each.line, "sign_in_link", {"zone": each.choices.zone}) for each in of]
            await making.note_all(write, context.settings, told)
    code = f"{letters[: CODE_LENGTH // 2]}-{letters[CODE_LENGTH // 2 :]}"
    ids = tuple(each.id for each in of)
    return IssuedLink(f"{url}{PATH}?k={secret}", code, made.reference, made.expires_at, ids)


def _checked(also: Sequence[str], organisation: str, person: str, seconds: int) -> str:
    """The name of the organisation, in form. Raises OperationError for what does not go together."""
    if not 0 < seconds <= MOST_SECONDS:
        message = f"a link cannot be valid for {seconds} seconds"
        raise OperationError(message, "give at most a day (1d); fifteen minutes do where it is sent at once")
    if person and (also or organisation):
        message = "an authorised person is one of a single line, and of no organisation"
        raise OperationError(message, "make a link of its own for each line")
    if also and not organisation.strip():
        message = "several lines need the name of the organisation that they are of"
        raise OperationError(message, "give --organisation NAME")
    if len(also) >= MOST_LINES:
        message = f"{len(also) + 1} lines are more than one link can be for ({MOST_LINES})"
        raise OperationError(message, "make several links")
    return input_values.text(organisation, "name of the organisation", required=False)


def _role(organisation: str, person: str) -> PortalRole:
    if person:
        return PortalRole.AUTHORISED
    return PortalRole.ORGANISATION if organisation else PortalRole.HOLDER


def _public_url(context: Context) -> str:
    found = settings_of(context.settings).public_url
    if not found:
        message = "there is no address of the portal that a link could lead to"
        raise OperationError(message, "write web.portal.public_url: https://... in the configuration")
    return found


async def _lines(write: Write, wanted: Sequence[str]) -> list[Subscriber]:
    """The lines of these ids, each once."""
    found = [await lines.require(write.connection, each) for each in wanted]
    return list({each.line: each for each in found}.values())


async def _authorisation(write: Write, found: Subscriber, person: str) -> int:
    """The number of an authorisation that holds. Raises UnknownError."""
    for each in await consent_rows.authorisations(write.connection, found.line):
        valid = each.state(write.now) is AuthorisationState.VALID
        if valid and each.reference_text == person.strip().upper():
            return each.number
    message = f"{found.id} has no authorisation {person.strip()[:32]!r} that holds now"
    raise UnknownError(message, f"see those that exist: filterd subscriber authorisations {found.id}")


def _audited(made: SignInLink) -> dict[str, object]:
    shown: dict[str, object] = {"link": made.number, "role": made.role.value, "expires_at": made.expires_at}
    shown |= {"authorisation": made.authorisation} if made.authorisation else {}
    return shown | ({"lines": len(made.lines)} if len(made.lines) > 1 else {})


async def consume(
    portal: PortalState, context: Context, secret: str, *, address: str, previous: str = ""
) -> SignedIn:
    """Use the secret of a link (``k``) or a code, once, and sign in with it.

    ``address``: the client's, for the limit on tries alone, kept nowhere. ``previous``: the secret in the
    browser's cookie, whose session ends. Raises SignInRefusedError, TooManyTriesError.
    """
    if _SECRET.fullmatch(secret):
        async with portal.trying(context):
            return await _consume(context, SignInMethod.LINK, (digest_of(secret), ""), previous)
    portal.codes.take(address, context.clock())
    letters = re.sub(r"[\s-]", "", secret[:_LONGEST].upper())
    async with portal.trying(context):
        digests = ("", keyed(portal.key, "code", letters))
        signed_in = await _consume(context, SignInMethod.CODE, digests, previous)
    portal.codes.give_back(address)
    return signed_in


async def _consume(
    context: Context, method: SignInMethod, digests: tuple[str, str], previous: str
) -> SignedIn:
    """Sign in with the link that has one of these digests: of its secret, of its code."""
    now = context.clock()
    with context.store.lookups() as lookups:
        there = rows.is_open(lookups, *digests, now)
    if not there:
        raise SignInRefusedError
    async with context.store.write(ACTOR, now) as write:
        link = await rows.take_link(write.connection, *digests, write.now)
        if link is None:  # somebody was faster
            raise SignInRefusedError
        of = [await subscriber_rows.find_line(write.connection, each) for each in link.lines]
        present = [each for each in of if each is not None]
        if not present or not await _holds(write, link):
            raise SignInRefusedError
        basis = SignInBasis(link.role, method, link.authorisation, link.organisation, link.number)
        return await sessions.begin(write, present, basis, previous)


async def _holds(write: Write, link: SignInLink) -> bool:
    """True if the authorised person whom it is for is so still."""
    if not link.authorisation:
        return True
    kept = await consent_rows.authorisation_at(write.connection, link.authorisation)
    return kept is not None and kept[0].state(write.now) is AuthorisationState.VALID
