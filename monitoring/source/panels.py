"""Panels of the dashboards: titles in both languages, and what they ask Prometheus for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["stat", "graph"]
I = 'instance=~"$instance"'  # noqa: E741 - stands in every expression


@dataclass(frozen=True, slots=True)
class PanelText:
    """The words of a panel or row in one language."""

    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ChartPanel:
    """One panel: a number, or a graph."""

    kind: Kind
    english: PanelText
    spanish: PanelText
    expression: str
    legend: str
    unit: str = "short"


@dataclass(frozen=True, slots=True)
class PanelRow:
    """Panels below one heading."""

    english: PanelText
    spanish: PanelText
    panels: tuple[ChartPanel, ...]


def panel(
    kind: Kind, texts: tuple[str, str], expression: str, legend: str, unit: str = "short"
) -> ChartPanel:
    """A panel; each of the texts is a title, or a title and a description with ``: `` between."""
    (title, _, description), (titulo, _, descripcion) = (text.partition(": ") for text in texts)
    return ChartPanel(
        kind, PanelText(title, description), PanelText(titulo, descripcion), expression, legend, unit
    )


def row(title: str, titulo: str, *panels: ChartPanel) -> PanelRow:
    """A row with its title in both languages."""
    return PanelRow(PanelText(title), PanelText(titulo), panels)
