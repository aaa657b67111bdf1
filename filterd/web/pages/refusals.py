"""Requests that a page refuses, in words that the person who reads them can do something with."""

from __future__ import annotations

from http import HTTPStatus


class PageRefusedError(Exception):
    """A request that is not served. ``key`` leads to a text ``KEY.title``, ``KEY.body`` of the catalogues."""

    def __init__(self, status: HTTPStatus, key: str, **values: object) -> None:
        super().__init__(key)
        self.status = status
        self.key = key
        self.values = values
