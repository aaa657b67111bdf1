"""``/desk/papers``: what is printed for a subscriber: a leaflet, and the form for the counter."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from filterd.operations.policies import policies
from filterd.web.accounts.agents import Agent
from filterd.web.desk.acts import consent_text
from filterd.web.desk.line_views import in_both, read_aloud
from filterd.web.desk.views import desk_page
from filterd.web.pages.state import state_of


async def show(request: Request, agent: Agent) -> Response:
    """``GET /desk/papers``: which papers there are."""
    return desk_page(request, agent, "papers.html", {})


async def leaflet(request: Request, agent: Agent) -> Response:
    """``GET /desk/papers/leaflet``: how the filter works, for the subscriber to take along."""
    state = state_of(request)
    service = agent.context.settings.service
    places = {
        "portal": state.url_of("portal", "/portal"),
        "public": service.public_url or state.url_of("public", "/servicio"),
        "phone": service.contact.phone,
    }
    price = None if service.price is None else {"es": service.price.es, "en": service.price.en}
    return desk_page(request, agent, "leaflet.html", {"places": places, "price": price})


async def counter_form(request: Request, agent: Agent) -> Response:
    """``GET /desk/papers/counter-form``: to opt in on paper, with the text of today and its version."""
    text = consent_text(agent.context)
    values = {
        "text": text,
        "script": None if text is None else read_aloud(text.text),
        "profiles": [in_both(each.title) for each in policies(agent.context).profiles],
    }
    return desk_page(request, agent, "counter_form.html", values)
