"""``/desk/acts/ACT``: what an agent does at a caller's request, behind a text that is read aloud first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response

from filterd.model.subscriber import AskerRole, RequestEvidence, Subscriber
from filterd.model.token import Permission
from filterd.operations import consent, desk_scripts, subscribers
from filterd.operations.context import Context, OperationError
from filterd.operations.desk_scripts import SpokenRequest
from filterd.operations.ends import STAYS, End
from filterd.operations.filling import unfilled
from filterd.operations.policies import policies
from filterd.operations.portal import links, pins
from filterd.operations.portal.links import IssuedLink
from filterd.policy.documents import ConsentText, Profile
from filterd.web.accounts.agents import Agent
from filterd.web.desk.line_views import in_both, path_of, read_aloud, state_word
from filterd.web.desk.room import reached_line
from filterd.web.desk.views import View, desk_page
from filterd.web.pages.forms import SentForm, query_of, read_form
from filterd.web.pages.state import see_other

PAUSES = ("1800", "3600", "7200", "14400", "86400")
"""seconds, as the form offers them"""
NAME_ENDS = ("0", "3600", "86400", "604800")
"""seconds that an own name holds; 0: it stays"""
CHANNELS = ("telephone", "counter", "letter", "chat")
Perform = Callable[[Context, str, SentForm], Awaitable[Subscriber | IssuedLink]]


@dataclass(frozen=True, slots=True)
class DeskAct:
    """One act: its name in paths and texts, and how it is done."""

    name: str
    script: str
    """the text to be read aloud; empty: that of consent"""
    permission: Permission
    perform: Perform


async def _profile(context: Context, line: str, form: SentForm) -> Subscriber:
    return await subscribers.set_profile(context, line, form.one("profile"), accept_empty=True)


async def _pause(context: Context, line: str, form: SentForm) -> Subscriber:
    return await subscribers.pause(context, line, _seconds(form, "for", PAUSES))


async def _resume(context: Context, line: str, _: SentForm) -> Subscriber:
    return await subscribers.resume(context, line)


async def _opt_out(context: Context, line: str, _: SentForm) -> Subscriber:
    return await subscribers.opt_out(context, line)


async def _allow(context: Context, line: str, form: SentForm) -> Subscriber:
    return await subscribers.allow(context, line, form.one("site"), end=_end(form))


async def _deny(context: Context, line: str, form: SentForm) -> Subscriber:
    return await subscribers.deny(context, line, form.one("site"), end=_end(form))


async def _opt_in(context: Context, line: str, form: SentForm) -> Subscriber:
    given = _request(form)
    text = consent_text(context)
    if text is not None and form.one("digest") != text.digest:
        message = "the text of consent was changed since this page was opened"
        raise OperationError(message, "open the page again, and read the new text to the caller")
    version = form.one("text_version") if text is None else text.id
    evidence = RequestEvidence(
        given.who, given.channel, context.clock(), version, given.reference, given.role
    )
    return await subscribers.opt_in(
        context, line, form.one("profile"), evidence, credential=given.credential, accept_empty=True
    )


async def _link(context: Context, line: str, _: SentForm) -> IssuedLink:
    """A link for whoever asks: the holder, or the person whose credential was shown. The holder is told:
    an agent could use it without them."""
    asked = context.evidence
    person = f"A-{asked.authorisation}" if asked is not None and asked.authorisation else ""
    return await links.issue(context, line, person=person, tell=True)


async def _pin(context: Context, line: str, form: SentForm) -> Subscriber:
    version = "" if context.evidence is None else context.evidence.text_version
    await pins.reset(context, line, reference=form.one("reference"), reason=f"asked at the desk: {version}")
    return await subscribers.show(context, line)


_CHOICES, _NAMES = Permission.CHOICES_WRITE, Permission.OWN_NAMES
ACTS = {
    each.name: each
    for each in (
        DeskAct("opt-in", "", _CHOICES, _opt_in),
        DeskAct("profile", "profile", _CHOICES, _profile),
        DeskAct("pause", "pause", _CHOICES, _pause),
        DeskAct("resume", "resume", _CHOICES, _resume),
        DeskAct("opt-out", "opt_out", _CHOICES, _opt_out),
        DeskAct("allow", "allow", _NAMES, _allow),
        DeskAct("deny", "deny", _NAMES, _deny),
        DeskAct("link", "link", Permission.SIGN_IN, _link),
        DeskAct("pin", "pin", _CHOICES, _pin),
    )
}


def consent_text(context: Context) -> ConsentText | None:
    """The text that is read before opting in today; None where the policies have none: it is kept
    elsewhere, and the agent types its version."""
    today = datetime.fromtimestamp(context.clock(), UTC).date().isoformat()
    used = [each for each in consent.texts(context) if each.since <= today]
    return used[-1] if used else None


def showing(act: DeskAct) -> View:
    """The view of ``GET /desk/acts/ACT?line=``: the text, the choices and the fields of the evidence."""

    async def show(request: Request, agent: Agent) -> Response:
        line = reached_line(agent, query_of(request.query_params, "line", 128))
        found = await subscribers.show(agent.context, line)
        text = (
            consent_text(agent.context) if not act.script else desk_scripts.text_of(agent.context, act.script)
        )
        values = {
            "act": act.name,
            "line": found,
            "choices": found.choices,
            "state_of_line": state_word(found, agent.context.clock()),
            "script": None if text is None else read_aloud(text.text),
            "text": text,
            "profiles": await _profiles(agent.context) if act.name in ("opt-in", "profile") else (),
            "pauses": PAUSES,
            "name_ends": NAME_ENDS,
            "channels": CHANNELS,
        }
        return desk_page(request, agent, "act.html", values)

    return show


def doing(act: DeskAct) -> View:
    """The view of ``POST /desk/acts/ACT``: do it, with the evidence, and lead back to the line."""

    async def do(request: Request, agent: Agent) -> Response:
        form = await read_form(request, agent.csrf)
        line = reached_line(agent, form.one("line"))
        context = agent.context
        if act.script:
            context = await _asked(context, line, act, form)
        found = await act.perform(context, line, form)
        if isinstance(found, IssuedLink):
            shown = await subscribers.show(context, line)
            return desk_page(request, agent, "link.html", {"line": shown, "issued": found})
        return see_other(f"{path_of(found.id)}?done={act.name}")

    return do


async def _asked(context: Context, line: str, act: DeskAct, form: SentForm) -> Context:
    """The context with the evidence. Nobody is kept from leaving for want of it (R14)."""
    try:
        return await desk_scripts.asked(context, line, act.script, _request(form), digest=form.one("digest"))
    except OperationError:
        if act.name != "opt-out":
            raise
        await subscribers.show(context, line)
        return replace(context, evidence=None)


def _request(form: SentForm) -> SpokenRequest:
    role = AskerRole.AUTHORISED if form.one("role") == AskerRole.AUTHORISED else AskerRole.HOLDER
    credential = form.one("credential")[:64]
    channel = form.one("channel")
    if channel not in CHANNELS:
        message = "the channel is none that is offered"
        raise OperationError(message, f"choose of: {', '.join(CHANNELS)}")
    return SpokenRequest(form.one("who"), channel, form.one("reference"), role, credential)


def _seconds(form: SentForm, name: str, offered: tuple[str, ...]) -> int:
    value = form.one(name)
    if value not in offered:
        message = "no such length of time is offered"
        raise OperationError(message, "choose one of those of the page")
    return int(value)


def _end(form: SentForm) -> End:
    seconds = _seconds(form, "for", NAME_ENDS)
    return End(seconds) if seconds else STAYS


async def _profiles(context: Context) -> list[dict[str, object]]:
    """The profiles on offer, each text by language, with the categories of which nothing is in force."""
    documents = policies(context)
    wanted = {each for one in documents.profiles for each in one.every_category}
    lacking = await unfilled(context, documents, wanted)

    def titles(chosen: Profile, which: tuple[str, ...]) -> dict[str, str]:
        found = [each.title for each in documents.categories if each.id in chosen.every_category & {*which}]
        return {"es": ", ".join(each.es for each in found), "en": ", ".join(each.en for each in found)}

    return [
        {
            "id": each.id,
            "title": in_both(each.title),
            "about": in_both(each.description),
            "warning": in_both(each.warning),
            "limits": in_both(each.limits),
            "unread": titles(each, lacking.unread),
            "unlisted": titles(each, lacking.unlisted),
        }
        for each in documents.profiles
    ]
