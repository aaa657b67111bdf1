"""The facts of the shipped policies for tests of the public pages, with a provider's own facts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from filterd.config.service_settings import ReachSettings, ServiceSettings, WordsSettings
from filterd.operations.context import Context
from filterd.operations.service_page.facts import ServiceFacts
from filterd.operations.service_page.gathering import service_facts
from tests.worlds.installation import Installation

SHIPPED = Path(__file__).parents[2] / "policies"
PROVIDER = ServiceSettings(
    name="Operadora de prueba",
    price=WordsSettings("Sin costo", "Free of charge"),
    contact=ReachSettings(phone="800 123 4567", hours=WordsSettings("De 9 a 18", "From 9 to 18")),
    complaints=ReachSettings(email="quejas@operador.example", url="https://operador.example/quejas"),
    complaint_days=10,
    public_url="https://filtro.operador.example",
    privacy_notice="https://operador.example/privacidad",
)


def provided(context: Context, provider: ServiceSettings = PROVIDER) -> Context:
    """The same installation with the provider's facts written."""
    return replace(context, settings=replace(context.settings, service=provider))


async def shipped_facts(installation: Installation) -> ServiceFacts:
    """The facts of an installation with the shipped policies, in which no list was read yet."""
    async with installation.open() as context:
        settings = replace(context.settings, policies=SHIPPED)
        return await service_facts(provided(replace(context, settings=settings)))
