"""The regulator's desk: orders, deadlines, lists, nodes and the record, to be read. Nothing of any line."""

from filterd.web.regulator.routes import routes

__all__ = ["routes"]
