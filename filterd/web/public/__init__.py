"""Public pages: the service, the test page and the review form; without account, without cookie."""

from filterd.web.public.routes import routes

__all__ = ["routes"]
