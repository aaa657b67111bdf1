"""The ``filterd`` command and its groups; each group is a module that is imported when it is needed.

Exit codes: 0 done, 1 failed, 2 wrong use (of the command line or in the configuration). Results go to
standard output, everything else to standard error.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

import filterd
from filterd.cli.group import Group

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GROUPS = {
    "serve": ("run the resolver, the control plane and the API", "filterd.cli.serving:serve"),
    "config": ("check and show the configuration", "filterd.cli.configuration:config"),
    "check": ("say what a name gets on a line, and why", "filterd.cli.checking:check"),
    "subscriber": ("register lines and set their choices", "filterd.cli.subscribers:subscriber"),
    "consent": ("show who asked for what, and on which text", "filterd.cli.consent:consent"),
    "arco": ("keep the terms of holders' requests for their data", "filterd.cli.arco:arco"),
    "review": ("decide requests to look at a site again", "filterd.cli.reviews:review"),
    "notice": ("show what holders were told, and what was not taken", "filterd.cli.notices:notice"),
    "mail": ("try the mail that alarms on orders go by", "filterd.cli.mail:mail"),
    "report": ("tell a regulator or the public what was blocked", "filterd.cli.reports:report"),
    "page": ("write the public pages out, and compare them", "filterd.cli.pages:page"),
    "session": ("tell which line has an address just now", "filterd.cli.sessions:session"),
    "binding": ("bind address prefixes to lines", "filterd.cli.bindings:binding"),
    "profile": ("show the profiles on offer", "filterd.cli.profiles:profile"),
    "policies": ("measure what profiles close; say where names are from", "filterd.cli.policies:policies"),
    "feed": ("read lists into the product", "filterd.cli.feeds:feed"),
    "order": ("record what an authority demands", "filterd.cli.order_due:order"),
    "register": ("take in what authorities publish", "filterd.cli.registers:register"),
    "duty": ("see what is due, and what authorities asked", "filterd.cli.duty_people:duty"),
    "exception": ("let a wrongly blocked name through for a while", "filterd.cli.exceptions:exception"),
    "parental": ("turn parental filtering off for a while", "filterd.cli.parental:parental"),
    "snapshot": ("compile and check the policy snapshot", "filterd.cli.snapshots:snapshot"),
    "cache": ("make the resolver forget cached answers", "filterd.cli.caches:cache"),
    "node": ("show what runs where", "filterd.cli.nodes:node"),
    "canary": ("see whether mandatory lists block on the nodes", "filterd.cli.canaries:canary"),
    "top": ("watch rates, verdicts, upstreams and state live", "filterd.cli.top:top"),
    "token": ("let people and systems use the API", "filterd.cli.tokens:token"),
    "passkey": ("see and end the passkeys of tokens", "filterd.cli.passkeys:passkey"),
    "store": ("prepare the database", "filterd.cli.stores:store"),
    "backup": ("copy the store and the lists to a directory", "filterd.cli.backups:backup"),
    "restore": ("put a backup in force", "filterd.cli.backups:restore"),
    "retention": ("say how long data is kept, and prove it", "filterd.cli.retention:retention"),
    "hold": ("keep records that an authority demands to be kept", "filterd.cli.holds:hold"),
    "breach": ("say whose data was exposed", "filterd.cli.breach:breach"),
    "doctor": ("say what is wrong here, and what to do about it", "filterd.cli.doctor:doctor"),
    "key": ("look after the keys of confidential names", "filterd.cli.keys:key"),
    "audit": ("prove that the record is whole", "filterd.cli.audits:audit"),
    "evidence": ("pack what proves how orders were handled", "filterd.cli.evidence_pack:evidence"),
    "completion": ("print the completion script of a shell", "filterd.cli.completion:completion"),
}
"""command -> (its line in the help, its module and attribute)"""


class LazyGroup(Group):
    """Knows the commands by name; imports a module only when its command runs or its own help is shown."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of GROUPS, in which an operator needs them."""
        return list(GROUPS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, or None."""
        if cmd_name not in GROUPS:
            return None
        module, attribute = GROUPS[cmd_name][1].split(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - GROUPS names commands
        return command

    def command_lines(self, context: click.Context) -> list[tuple[str, str]]:
        """Each command with its line in GROUPS: none is imported for the help."""
        del context
        return [(name, line) for name, (line, _) in GROUPS.items()]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; an unknown one is told with the likely one."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand:
            raise click.NoSuchCommand(args[0], possibilities=GROUPS, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin like this, without importing any: a person waits."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=line)
            for name, (line, _) in GROUPS.items()
            if name.startswith(incomplete)
        ]
        return names + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(filterd.__version__, prog_name="filterd")
def main() -> None:
    """DNS filtering for Internet providers: opt-in parental profiles and mandatory blocklists."""


if __name__ == "__main__":
    main()
