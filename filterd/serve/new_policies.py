"""Refuses new settings under which the policies cannot be read, before a reload puts them in force."""

from __future__ import annotations

from filterd.config.load import ConfigError, ConfigErrors, Configuration
from filterd.config.settings import Settings

KEYS = ("policies", "policies_base", "jurisdiction")
"""the settings that say which policies are in force"""


def require_readable(before: Configuration, after: Configuration) -> None:
    """Raise ConfigErrors if the policies have errors under the new settings and have none under the old ones.
    Where they have errors under both, the reload is not the cause, and is none of this module's business."""
    old, new = before.settings, after.settings
    changed = ", ".join(key for key in KEYS if getattr(old, key) != getattr(new, key))
    errors = _errors(new) if changed else []
    if errors and not _errors(old):
        raise ConfigErrors(
            tuple(
                ConfigError(changed, f"breaks the policies, which are right without: {each}")
                for each in errors
            )
        )


def _errors(settings: Settings) -> list[str]:
    from filterd.config.policies import PoliciesError, load_policies  # here: most reloads never need it

    try:
        load_policies(settings.policies, settings.policies_base, settings.jurisdiction)
    except PoliciesError as error:
        return [str(problem) for problem in error.problems]
    return []
