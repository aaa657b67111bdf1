"""The portal of subscribers: a line, its choices, and who may change them."""

from filterd.web.portal.routes import routes

__all__ = ["routes"]
