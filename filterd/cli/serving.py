"""``filterd serve``: runs the roles."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from filterd.cli import sudo
from filterd.cli.failure import Failure, Misconfigured
from filterd.cli.options import config_option, config_path, settings_of

ROLES = ("resolver", "control", "web", "block")


@click.command()
@config_option
@click.option("--role", type=click.Choice(ROLES), help="Run one role alone; default all, supervised.")
def serve(config: Path | None, role: str | None) -> None:
    """Run the resolver and the control plane until a signal ends them, the API and the block page where they
    are configured.

    SIGHUP reads the configuration again; one that is wrong is refused and the old one keeps serving.
    """
    from filterd.serve import hangup

    sudo.refuse_serving()
    hangup.hold()
    require_native()
    settings = settings_of(config)
    if role == "web" and settings.web is None:
        message = "the web role has nothing to serve: no listener of section web is set"
        raise Misconfigured(message, 'write web: {api: {listen: "127.0.0.1:8081"}}; filterd config schema')
    if role == "block" and settings.web_block is None:
        message = "the block role has nothing to serve: web.block.listen and web.block.https are absent"
        raise Misconfigured(message, 'write web: {block: {listen: ["192.0.2.80:80"]}}; filterd config schema')
    from filterd.serve import supervisor

    absent = {"web": settings.web is None, "block": settings.web_block is None}
    every = [each for each in ROLES if not absent.get(each)]
    sys.exit(supervisor.run(config_path(config), [role] if role else every))


def require_native() -> None:
    """Fail if the native core does not load: there is no slower replacement for it."""
    try:
        from filterd.dataplane.packet import stages  # noqa: F401 - whether it loads is the question
    except ImportError as error:
        message = f"the native core is not built: {error}"
        raise Failure(message, "run: make build") from None
