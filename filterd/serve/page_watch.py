"""Control keeps the public pages current where they are served, counts whether an export still holds, and
withdraws published lists that must not be public any more.

With ``publish.on_change`` it publishes again the lists that changed.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

from filterd.config.settings import Settings
from filterd.operations.context import Context
from filterd.operations.publishing import again, comparing, standing, withdrawing
from filterd.operations.safe_texts import safe_text
from filterd.operations.service_page import records
from filterd.operations.service_page.gathering import service_facts
from filterd.telemetry import log
from filterd.telemetry.publication_metrics import PublicationMetrics
from filterd.web.published.site import render

LOOK_SECONDS = 20.0
RETRY_SECONDS = 600.0
"""after a list that could not be published again"""


class PageWatch:
    """Owned by control's event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.metrics = PublicationMetrics()
        self._reported = ""
        """why the pages are not current, as last logged; empty while they are"""
        self._kept_public = ""
        """why a list is not withdrawn, as last logged"""
        self._published = ""
        """the digest of the facts that this process published last"""
        self._failed: dict[str, str] = {}
        """list -> why it could not be published again, as last logged"""
        self._failed_at = -math.inf

    def change_settings(self, settings: Settings) -> None:
        """Apply the settings from the next look on."""
        self._context = replace(self._context, settings=settings)
        self._failed_at = -math.inf

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _withdraw(self) -> None:
        """Withdraw the lists that must not be public. A failure is logged once, and tried again."""
        try:
            await withdrawing.sweep(self._context)
            self._kept_public = ""
        except Exception as error:  # whatever it is, control goes on
            if safe_text(error) != self._kept_public:
                self._kept_public = safe_text(error)
                withdrawing.warn(error)

    async def look(self) -> None:
        """Publish where the pages are served here and a fact changed. A failure is logged once, and tried
        again; what was published stays meanwhile."""
        await self._withdraw()
        try:
            facts = (await service_facts(self._context)).digest
            if self._serves and facts != self._published:
                self._published = (await records.publish(self._context, render)).record.facts
            last = await records.last_exported(self._context)
            await self._publish_lists()
            lists = await standing.standing(self._context)
            barred = await standing.barred(self._context)
            comparisons = await comparing.counts(self._context)
        except Exception as error:  # as above
            if safe_text(error) != self._reported:
                self._reported = safe_text(error)
                event = "the public pages are not current"
                remedy = getattr(error, "remedy", withdrawing.REPORT)
                log.get().warning(event, reason=self._reported, remedy=remedy)
            return
        self._reported = ""
        self.metrics = PublicationMetrics(
            differs=last is not None and last.facts != facts,
            exported_at=0.0 if last is None else last.exported_at,
            lists_behind=sum(each.behind and not each.barred for each in lists),
            lists_at=max((each.at for each in lists), default=0.0),
            lists_barred=len(barred),
            comparisons=comparisons,
        )

    async def _publish_lists(self) -> None:
        """Publish again what changed. A failure is logged once, and tried again after a while, or once a
        reload may have mended it; the edition before stands meanwhile."""
        now = self._context.clock()
        if not self._context.settings.publish.on_change or 0 <= now - self._failed_at < RETRY_SECONDS:
            return
        found = await again.publish_again(self._context)
        for each in found.lists:
            log.get().info("a list was published again", list=each)
        for each, reason, remedy in found.failures:
            if self._failed.get(each) != reason:
                event = "a published list is not published again"
                log.get().error(event, list=each, reason=reason, remedy=remedy)
        self._failed = {each: reason for each, reason, _ in found.failures}
        self._failed_at = now if found.failures else -math.inf

    @property
    def _serves(self) -> bool:
        """True if this installation serves the pages itself."""
        web = self._context.settings.web
        return web is not None and web.public is not None
