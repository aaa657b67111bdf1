"""Writes the manual pages from the program itself: filterd(1), filterd-COMMAND(1), filterd.yaml(5).

``python packaging/manpages.py DIRECTORY`` writes below DIRECTORY/man1 and DIRECTORY/man5. Options, settings
and their texts are read from the program and the schema: a page says what the program does.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import filterd
from filterd.cli.main import GROUPS, main
from filterd.config import schema_keys
from filterd.config.raw import json_schema

FILES = (
    ("/etc/filterd/filterd.yaml", "The configuration, see filterd.yaml(5)."),
    ("/etc/filterd/policies", "The operator's own policies, laid over the shipped ones."),
    ("/usr/share/filterd/policies", "The shipped policies."),
    ("/var/lib/filterd", "The store, keys, lists and node state."),
)
STATUS = (
    ("0", "done"),
    ("1", "failed; standard error says what to do"),
    ("2", "wrong use of the command line or of the configuration"),
)


def escaped(text: str) -> str:
    """The text as roff shows it, letter by letter."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(['.])", r"\\&\1", text, flags=re.MULTILINE)


def marked(text: str) -> str:
    """A sentence in which what stands between backticks is bold."""
    return re.sub(r"`([^`]+)`", r"\\fB\1\\fR", escaped(text))


def head(name: str, section: int, summary: str) -> str:
    """The title and the NAME section, which ``apropos`` reads."""
    title = f'.TH "{name.upper()}" {section} "" "filterd {filterd.__version__}" "filterd"'
    return f"{title}\n.SH NAME\n{escaped(name)} \\- {escaped(summary)}\n"


def tagged(term: str, text: str) -> str:
    """A paragraph with a bold term before it; ``term`` is roff already."""
    return f".TP\n\\fB{term}\\fR\n{marked(text)}\n"


def paragraphs(text: str) -> str:
    """The paragraphs of a docstring; one behind ``\\b`` keeps its lines, as in the help."""
    parts = []
    for block in inspect.cleandoc(text).split("\n\n"):
        kept = block.startswith("\b")
        body = marked(block.removeprefix("\b\n")) if kept else marked(" ".join(block.split()))
        parts.append(f".PP\n.nf\n{body}\n.fi\n" if kept else f".PP\n{body}\n")
    return "".join(parts)


def options_of(command: click.Command, context: click.Context) -> str:
    """The options as the command itself describes them."""
    records = [each.get_help_record(context) for each in command.get_params(context)]
    return "".join(tagged(escaped(each[0]), each[1]) for each in records if each is not None and each[1])


def usage(command: click.Command, path: str) -> str:
    """The line with which the command is called."""
    context = click.Context(command, info_name=path)
    return f"\\fB{escaped(path)}\\fR {escaped(' '.join(command.collect_usage_pieces(context)))}"


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """The command, or each command of the group, with its full name."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(command)):
        child = command.get_command(click.Context(command), name)
        if child is not None and not child.hidden:
            yield from leaves(child, f"{path} {name}")


def command_page(name: str, summary: str) -> str:
    """The page of one command, or of a group with all its commands."""
    command = main.get_command(click.Context(main), name)
    if command is None:
        message = f"filterd has no command {name}"
        raise SystemExit(message)
    found = list(leaves(command, f"filterd {name}"))
    lines = "\n.br\n".join(usage(each, path) for path, each in found)
    page = [head(f"filterd-{name}", 1, summary), f".SH SYNOPSIS\n{lines}\n.SH DESCRIPTION\n"]
    page.append(paragraphs(command.help or ""))
    for path, each in found:
        context = click.Context(each, info_name=path)
        context.help_option_names = ["-h", "--help"]
        if len(found) > 1:
            page.append(f".SS {escaped(path)}\n{paragraphs(each.help or '')}")
        else:
            page.append(".SH OPTIONS\n")
        page.append(options_of(each, context))
    return "".join(page) + ending()


def ending() -> str:
    """The sections that every page of a command ends with."""
    status = "".join(tagged(code, text) for code, text in STATUS)
    return f".SH EXIT STATUS\n{status}.SH SEE ALSO\nfilterd(1), filterd.yaml(5)\n"


def program_page() -> str:
    """The page of the program, which leads to those of its commands."""
    summary = "DNS filtering for Internet providers"
    commands = "".join(
        tagged(f"{escaped(name)}", f"{line}; filterd-{name}(1)") for name, (line, _) in GROUPS.items()
    )
    files = "".join(tagged(escaped(path), text) for path, text in FILES)
    texts = (
        "Every command takes `--json`. Results go to standard output, everything else to standard error. "
        "The configuration is `--config`, else the file that `FILTERD_CONFIG` names, else "
        "`/etc/filterd/filterd.yaml`."
    )
    see = ", ".join(f"filterd\\-{escaped(name)}(1)" for name in sorted(GROUPS))
    return (
        head("filterd", 1, summary)
        + f".SH SYNOPSIS\n\\fBfilterd\\fR COMMAND [OPTIONS]\n.SH DESCRIPTION\n{paragraphs(main.help or '')}"
        + f".PP\n{marked(texts)}\n.SH COMMANDS\n{commands}.SH FILES\n{files}"
        + ending().replace("filterd(1), ", f"{see}, ")
    )


def settings(schema: dict[str, Any]) -> Iterator[str]:
    """A paragraph for each key, those of inner sections in their place."""
    for name, item, required in schema_keys.keys(schema, schema, ""):
        default = "absent" if item.get("default") is None else json.dumps(item["default"])
        ending = "It must be given." if required else f"Default: {default}."
        yield tagged(escaped(name), f"{item.get('description', '')} {ending}".strip())


def configuration_page() -> str:
    """filterd.yaml(5)."""
    schema = json_schema()
    text = (
        "One YAML file. Every key has a default. Unknown keys, and keys without a value, are errors; all "
        "errors are reported at once by `filterd config check`. A reload reads the file again: one that is "
        "wrong is refused, and the old settings stay in force. A path that does not begin with `/` is below "
        "the directory of the file. `clients[].prefix` is the key `prefix` of each entry of `clients`."
    )
    return (
        head("filterd.yaml", 5, "the configuration of filterd")
        + f".SH DESCRIPTION\n{marked(text)}\n.SH SETTINGS\n{''.join(settings(schema))}"
        + ".SH SEE ALSO\nfilterd(1), filterd\\-config(1)\n"
    )


def write(directory: Path) -> None:
    """Write every page below the directory."""
    pages = {f"man1/filterd-{name}.1": command_page(name, line) for name, (line, _) in GROUPS.items()}
    pages |= {"man1/filterd.1": program_page(), "man5/filterd.yaml.5": configuration_page()}
    for name, text in pages.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: manpages.py DIRECTORY")
    write(Path(sys.argv[1]))
