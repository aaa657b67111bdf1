"""``filterd subscriber``: lines and their choices, one by one or imported; export and erasure of a line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from filterd.cli import authorisations, choices, output, own_names, plans, sign_in, view_codes
from filterd.cli.evidence import credential_in, credential_option, evidence_of, evidence_options
from filterd.cli.group import Group
from filterd.cli.line_import import import_
from filterd.cli.line_search import find, list_
from filterd.cli.line_view import RECORDED, change, show_line
from filterd.cli.options import (
    accept_empty_option,
    common,
    optional_time_span,
    warn_of_wide,
    wide_option,
)
from filterd.cli.profiles import read_out
from filterd.cli.use_case import perform

if TYPE_CHECKING:
    from filterd.model.lifting import Lifting
    from filterd.model.subscriber import Subscriber
    from filterd.operations.context import Context
    from filterd.policy.documents import Profile

Command = Callable[..., Any]

DEFAULT_PAUSE = 3600
"""seconds"""
_UNBOUND_REMEDY = (
    "bind all three prefixes of the line (IPv4, IPv6 of its WAN, the delegated one), those that it has: "
    "filterd binding add PREFIX {}"
)


@click.group(cls=Group)
def subscriber() -> None:
    """Register lines and set their choices."""


subscriber.add_command(list_)
subscriber.add_command(find)
subscriber.add_command(import_)
subscriber.add_command(view_codes.code)
subscriber.add_command(view_codes.own_names)
subscriber.add_command(sign_in.link)
subscriber.add_command(sign_in.pin_reset)
for command in (
    *(choices.choose, plans.plan, plans.close, plans.open_),
    *(own_names.allow, own_names.deny, own_names.remove),
    *(authorisations.authorise, authorisations.authorisations, authorisations.revoke),
):
    subscriber.add_command(command)


@subscriber.command()
@click.argument("id")
@click.option(
    "--prefix",
    "prefixes",
    multiple=True,
    help="A static address or prefix of the line, or what else binding add takes; repeatable.",
)
@click.option("--zone", default="", help="Time zone of its schedule; default: zone in the configuration.")
@wide_option
@common
def add(
    id: str, prefixes: tuple[str, ...], zone: str, wide: bool, config: Path | None, as_json: bool
) -> None:
    """Register a line. It asks for nothing yet and sees mandatory blocking only."""
    from filterd.operations import subscribers

    async def register(context: Context) -> Subscriber:
        return await subscribers.add(context, id, zone=zone, prefixes=prefixes, wide=wide)

    added = perform(config, register)
    show_line(added, as_json, "registered")
    warn_of_wide(added.bindings)


@subscriber.command()
@click.argument("id")
@common
def show(id: str, config: Path | None, as_json: bool) -> None:
    """Show a line's choices and bindings."""
    from filterd.operations import subscribers, suspension

    async def read(context: Context) -> tuple[Subscriber, tuple[str, ...] | None, Lifting | None, list[str]]:
        found = await subscribers.show(context, id)
        protected = await subscribers.protected_own_names(context, found)
        unbound = subscribers.unbound(context, found)
        return found, protected, await suspension.present(context), [*unbound]

    found, protected, suspended, unbound = perform(config, read)
    show_line(found, as_json, looked={"protected_own_names": protected, "warnings": (*unbound,)})
    if suspended is not None and found.choices.opted_in:
        output.warn(
            f"parental filtering is suspended for every line until {output.moment(suspended.until)}",
            "on again before that with: filterd parental resume",
        )
    if unbound:
        output.warn(unbound[0], _UNBOUND_REMEDY.format(found.id))


@subscriber.command("opt-in")
@click.argument("id")
@click.option("--profile", required=True, help="What the line asks for; filterd profile list shows them.")
@evidence_options
@credential_option
@accept_empty_option
@common
def opt_in(
    id: str,
    profile: str,
    credential: TextIO | None,
    accept_empty: bool,
    config: Path | None,
    as_json: bool,
    **evidence: str,
) -> None:
    """Turn the restriction on, at the holder's request and with the evidence of it."""
    from filterd.operations import subscribers

    shown = credential_in(credential)
    _choose_profile(
        config,
        as_json,
        id,
        profile,
        lambda context: subscribers.opt_in(
            context, id, profile, evidence_of(**evidence), credential=shown, accept_empty=accept_empty
        ),
    )


@subscriber.command("opt-out")
@click.argument("id")
@click.option("--reason", default="", help="Why, in the holder's words.")
@common
def opt_out(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Turn the restriction off. Own block names stay."""
    from filterd.operations import subscribers

    change(config, as_json, lambda context: subscribers.opt_out(context, id, reason=reason))


@subscriber.command("set-profile")
@click.argument("id")
@click.argument("profile")
@accept_empty_option
@common
def set_profile(id: str, profile: str, accept_empty: bool, config: Path | None, as_json: bool) -> None:
    """Change the profile of a line that has opted in."""
    from filterd.operations import subscribers

    _choose_profile(
        config,
        as_json,
        id,
        profile,
        lambda context: subscribers.set_profile(context, id, profile, accept_empty=accept_empty),
    )


@subscriber.command("accept-profile")
@click.argument("id")
@common
def accept_profile(id: str, config: Path | None, as_json: bool) -> None:
    """Take the announced change of the line's profile now: see filterd profile changes."""
    from filterd.operations import subscribers

    change(config, as_json, lambda context: subscribers.accept_profile(context, id))


@subscriber.command("set-zone")
@click.argument("id")
@click.argument("zone")
@common
def set_zone(id: str, zone: str, config: Path | None, as_json: bool) -> None:
    """Change the time zone in which the line's schedule runs."""
    from filterd.operations import subscribers

    change(config, as_json, lambda context: subscribers.set_zone(context, id, zone))


@subscriber.command()
@click.argument("id")
@click.option(
    "--for", "seconds", callback=optional_time_span, default="", help="How long: 30m, 2h, 1d; default: 1h."
)
@click.option("--until", default="", metavar="TIME", help="The end instead: 21:00, 2026-12-24T21:00.")
@common
def pause(id: str, seconds: int, until: str, config: Path | None, as_json: bool) -> None:
    """Suspend the profile for a while. Own block names hold through it."""
    from filterd.operations import subscribers

    if seconds and until:
        message = "give one end: --for or --until"
        raise click.UsageError(message)
    span = seconds or (0 if until else DEFAULT_PAUSE)
    found = perform(config, lambda context: subscribers.pause(context, id, span, until=until))
    show_line(found, as_json, RECORDED)
    end = output.local_moment(found.choices.paused_until, found.choices.zone)
    output.done(f"paused for the whole house until {end}; it comes back by itself")


@subscriber.command()
@click.argument("id")
@common
def resume(id: str, config: Path | None, as_json: bool) -> None:
    """End a pause early."""
    from filterd.operations import subscribers

    change(config, as_json, lambda context: subscribers.resume(context, id))


@subscriber.command("leave-security")
@click.argument("id")
@click.option("--return", "returns", is_flag=True, help="Come back to it.")
@common
def leave_security(id: str, returns: bool, config: Path | None, as_json: bool) -> None:
    """Take the line out of the operator's own security blocking."""
    from filterd.operations import subscribers

    change(config, as_json, lambda context: subscribers.leave_security(context, id, left=not returns))


@subscriber.command()
@click.argument("id")
@click.option("--text", "as_text", is_flag=True, help="A text in Spanish for the holder, instead of JSON.")
@common
def export(id: str, as_text: bool, config: Path | None, as_json: bool) -> None:
    """Print everything that is held of a subscriber (it is JSON with and without --json)."""
    from filterd.operations import erasure

    if as_text and not as_json:
        from filterd.operations.privacy.holders_copy import copy_of

        _, text = perform(config, lambda context: copy_of(context, id))
        click.echo(text, nl=False)
        return
    output.show_json(perform(config, lambda context: erasure.export(context, id)))


@subscriber.command()
@click.argument("id")
@click.option("--reason", required=True, help="Why: the request, its reference.")
@common
def erase(id: str, reason: str, config: Path | None, as_json: bool) -> None:
    """Remove the line and delete everything that leads to a person."""
    from filterd.operations import erasure

    erased = perform(config, lambda context: erasure.erase(context, id, reason=reason))
    if as_json:
        output.show_json(erased)
    else:
        output.done(f"erased {id}: {erased.bindings} bindings, {erased.requests} requests on record")


def _choose_profile(
    config: Path | None,
    as_json: bool,
    id: str,
    profile: str,
    use_case: Callable[[Context], Awaitable[Subscriber]],
) -> None:
    """Show the profile's warning and limits, which the support agent reads to the line's holder, and change
    the profile after that."""
    from filterd.operations import filling, subscribers
    from filterd.operations.choices import differences
    from filterd.operations.policies import policies
    from filterd.operations.policies import profile as named

    async def choose(context: Context) -> tuple[Subscriber, Profile, list[str], list[str]]:
        documents = policies(context)
        chosen = named(documents, profile)
        read_out(chosen, id)
        lacking = await filling.told(context, documents, chosen)
        before = await subscribers.show(context, id)
        found = await use_case(context)
        kept = differences(found.choices.adjustments)
        dropped = [each for each in differences(before.choices.adjustments) if each not in kept]
        return found, chosen, dropped, lacking

    found, chosen, dropped, lacking = perform(config, choose)
    warnings = (*((chosen.warning.es,) if chosen.warning else ()), *lacking)
    limits = (chosen.limits.es,) if chosen.limits else ()
    looked = {"warnings": warnings, "limits": limits, "choices_dropped": (*dropped,)}
    show_line(found, as_json, RECORDED, looked)
    choices.tell_what_stays(found, dropped)
    for each in lacking:
        output.warn(each, "see which lists fill it: filterd feed list; ready ones: filterd feed list --ready")
