"""Writes the files that Prometheus and Grafana read: ``python -m monitoring.source``.

The dashboards need grafana-foundation-sdk, a tool of development.
"""

from __future__ import annotations

from pathlib import Path

from monitoring.source import dashboards
from monitoring.source.alerting import rule_tests, rules
from monitoring.source.catalogue import GROUPS

HOME = Path(__file__).resolve().parents[1]


def files() -> dict[Path, str]:
    """Every file with its text."""
    texts = {
        HOME / "alerts.yaml": rules(GROUPS),
        HOME / "alerts_test.yaml": rule_tests(GROUPS),
        HOME / "alerts_days_test.yaml": rule_tests(GROUPS, long=True),
    }
    return texts | {HOME / "dashboards" / name: text for name, text in dashboards.texts().items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text)
