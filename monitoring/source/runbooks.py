"""The runbook pages, in both languages: one heading for each alert, made from the alert and its runbook."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from monitoring.source.alerting import Alert, AlertGroup
from monitoring.source.catalogue import GROUPS
from monitoring.source.runbook_form import Runbook
from monitoring.source.runbooks_answers import ANSWERS
from monitoring.source.runbooks_api import API
from monitoring.source.runbooks_clients import CLIENTS
from monitoring.source.runbooks_control import CONTROL
from monitoring.source.runbooks_deadlines import DEADLINES
from monitoring.source.runbooks_node import NODE
from monitoring.source.runbooks_proof import PROOF
from monitoring.source.runbooks_registers import REGISTERS
from monitoring.source.runbooks_sessions import SESSIONS
from monitoring.source.runbooks_trail import TRAIL
from monitoring.source.runbooks_upstreams import UPSTREAMS

RUNBOOKS: dict[str, Runbook] = (
    ANSWERS | NODE | PROOF | UPSTREAMS | CONTROL | DEADLINES | REGISTERS | CLIENTS | SESSIONS | API | TRAIL
)
"""alert -> its runbook"""


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a page in one language."""

    spanish: bool
    top: str
    severity: dict[str, str]
    bad: str
    commands: str
    remedy: str
    call: str


ENGLISH = _Words(
    False,
    "Each heading is an alert of [alerts.md](../{alerts}). Type the commands as root on the machine of\n"
    "the alert's `instance`, with the packages `curl` and `sudo`. `filterd …` stands for `sudo -u\n"
    "filterd filterd …`; words in capitals, as `O-NUMBER` and `FEED`, stand for your own. The commands\n"
    "under *First* change nothing. [operations.md](../operations.md) tells more.\n",
    {
        "page": "Page",
        "ticket": "Ticket",
    },
    "How bad",
    "First",
    "Then",
    "Call",
)
SPANISH = _Words(
    True,
    "Cada título es una alerta de [alerts.md](../{alerts}). Los comandos se escriben como root en la\n"
    "máquina de `instance`, con los paquetes `curl` y `sudo`. `filterd …` significa `sudo -u filterd\n"
    "filterd …`; las palabras en mayúsculas, como `O-NUMBER` y `FEED`, se reemplazan por las suyas. Los\n"
    "comandos de *Primero* no cambian nada. [operations.md](../../operations.md) (en inglés) explica más.\n",
    {
        "page": "Page",
        "ticket": "Ticket",
    },
    "Gravedad",
    "Primero",
    "Después",
    "Llamar a",
)


def runbook_page(group: AlertGroup, words: _Words, note: str) -> str:
    """One page."""
    title = group.title_es if words.spanish else group.title
    parts = [f"# {title}\n", note, words.top.format(alerts="alerts.md")]
    parts += [_section(alert, RUNBOOKS[alert.name], words) for alert in group.alerts]
    return "\n".join(parts)


def _section(alert: Alert, runbook: Runbook, words: _Words) -> str:
    spanish = words.spanish
    summary, description = (
        (alert.summary_es, alert.description_es) if spanish else (alert.summary, alert.description)
    )
    commands = "\n".join(runbook.commands)
    return (
        f"## {alert.name}\n\n"
        f"**{words.severity[alert.severity]}**: {_plain(summary)}. {_plain(description)}\n\n"
        f"{words.bad}: {runbook.bad_es if spanish else runbook.bad}\n\n"
        f"{words.commands}:\n\n```sh\n{commands}\n```\n\n{_packages(runbook, words)}"
        f"{words.remedy}: {runbook.remedy_es if spanish else runbook.remedy}\n\n"
        f"{words.call}: {runbook.call[1] if spanish else runbook.call[0]}.\n"
    )


def _packages(runbook: Runbook, words: _Words) -> str:
    """A sentence on the packages of its commands; empty where a plain Debian has them all."""
    verb = "es del paquete" if words.spanish else "is in the package"
    parts = [f"`{command}` {verb} `{package}`" for command, package in runbook.packages.items()]
    return f"{'; '.join(parts)}.\n\n" if parts else ""


def _plain(text: str) -> str:
    """A description without the value of the moment."""
    text = text.replace('{{ $value | printf "%.1f" }}', "N").replace('{{ $value | printf "%.0f" }}', "N")
    for form in (" | humanizeDuration", " | humanizePercentage", ""):
        text = text.replace(f"{{{{ $value{form} }}}}", "N")
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"`\1`", text)


def alert_list(note: str, *, spanish: bool) -> str:
    """docs/alerts.md, or its Spanish twin."""
    head = (
        "| alerta | gravedad | expresión | espera | qué dice |\n| --- | --- | --- | --- | --- |"
        if spanish
        else "| alert | severity | expression | for | what it says |\n| --- | --- | --- | --- | --- |"
    )
    title = "# Alertas\n" if spanish else "# Alerts\n"
    intro = (
        "`monitoring/alerts.yaml` tiene estas reglas para Prometheus. *page* despierta a alguien; *ticket* "
        "espera al siguiente día hábil. Cada alerta lleva a su guía.\n"
        if spanish
        else "`monitoring/alerts.yaml` has these rules for Prometheus. *page* wakes somebody up; *ticket* "
        "waits for the next working day. Each alert leads to its runbook. The same list "
        "[in Spanish](es/alerts.md).\n"
    )
    parts = [title, note, intro]
    for group in GROUPS:
        parts.append(f"## {group.title_es if spanish else group.title}\n\n{head}")
        for alert in group.alerts:
            text = _plain(alert.summary_es if spanish else alert.summary)
            link = f"[{alert.name}](runbooks/{group.page}#{alert.name.lower()})"
            expression = alert.expression.replace("|", "\\|")
            parts[-1] += f"\n| {link} | {alert.severity} | `{expression}` | {alert.wait} | {text} |"
        parts[-1] += "\n"
    return "\n".join(parts)


def pages() -> dict[str, Callable[[str], str]]:
    """Path below docs -> what makes the page, given the note that it is generated."""
    found: dict[str, Callable[[str], str]] = {
        "alerts.md": partial(alert_list, spanish=False),
        "es/alerts.md": partial(alert_list, spanish=True),
    }
    for group in GROUPS:
        found[f"runbooks/{group.page}"] = partial(runbook_page, group, ENGLISH)
        found[f"es/runbooks/{group.page}"] = partial(runbook_page, group, SPANISH)
    return found
