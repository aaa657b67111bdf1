"""The form of a runbook, and whom to call."""

from __future__ import annotations

from dataclasses import dataclass

NOBODY = ("nobody, where the remedy helps", "nadie, si el remedio sirve")
NETWORK = (
    "the network team, where addresses, paths or floods are the cause",
    "el equipo de red, si la causa son direcciones, rutas o inundaciones",
)
SYSTEM = (
    "whoever keeps the machine, where disk, memory, processor or clock is the cause",
    "quien mantiene la máquina, si la causa es disco, memoria, procesador o reloj",
)
FAULT = (
    "the maintainers of filterd, with the log: this should not happen",
    "quienes mantienen filterd, con el registro: esto no debería ocurrir",
)
LEGAL = (
    "whoever answers to the authority, with the times from when to when",
    "quien responde ante la autoridad, con la hora de inicio y de fin",
)
LISTS = ("whoever keeps the lists", "quien mantiene las listas")
UPSTREAM = ("whoever runs the upstream", "quien opera el servidor superior")

RESOLVER_LOG = "journalctl -u filterd-resolver -o cat -n 50"
CONTROL_LOG = "journalctl -u filterd-control -o cat -n 50"
READY = "curl -s http://127.0.0.1:9353/readyz"
CONTROL_READY = "curl -s http://127.0.0.1:8080/readyz"
NODES = "filterd node list"
STATUS = "systemctl status filterd-resolver filterd-control"
PROMETHEUS = "promtool check config /etc/prometheus/prometheus.yml"

PACKAGES = {
    "dig": "bind9-dnsutils",
    "kdig": "knot-dnsutils",
    "mtr": "mtr-tiny",
    "nft": "nftables",
    "promtool": "prometheus",
}
"""a command that a plain Debian may lack -> its package; ``curl`` and ``sudo`` are named once a page"""


def count(metric: str) -> str:
    """The command that shows one metric of the resolver."""
    return f"curl -s http://127.0.0.1:9353/metrics | grep {metric}"


@dataclass(frozen=True, slots=True)
class Runbook:
    """The steps for one alert. The commands are the same in both languages."""

    bad: str
    """whether clients lack answers, and whether names are unblocked"""
    remedy: str
    bad_es: str
    remedy_es: str
    call: tuple[str, str]
    """English, Spanish"""
    commands: tuple[str, str, str]
    """the first three, which change nothing"""

    @property
    def packages(self) -> dict[str, str]:
        """Commands of it that a plain Debian may lack, with their packages."""
        words = [command.partition(" ")[0] for command in self.commands]
        return {word: PACKAGES[word] for word in words if word in PACKAGES}
