"""The support desk: a line by the id of the provider, its choices and consent, and requests for a review."""

from filterd.web.desk.routes import routes

__all__ = ["routes"]
