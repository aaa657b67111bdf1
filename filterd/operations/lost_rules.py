"""Compares the policies with the snapshot in force, so that a profile does not lose its rules unasked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filterd.operations.errors import OperationError
from filterd.policy import losses
from filterd.policy.documents import Policies

REMEDY = (
    "mend profiles/{profile}.yaml; if it is meant: "
    "filterd snapshot build --accept-profile {profile} --reason ..."
)
"""what to do about a profile that is kept"""


@dataclass(frozen=True, slots=True)
class AcceptedLoss:
    """A person's word that profiles are meant to restrict less than those in force."""

    profiles: tuple[str, ...] = ()
    reason: str = ""


NOTHING_ACCEPTED = AcceptedLoss()


class MissingProfileError(OperationError):
    """Lines have a profile that the policies lack."""


def kept_message(profile: str, lost: Sequence[str]) -> str:
    """A profile that is kept as in force, in words."""
    return f"the profile {profile} stays as it is in force: its file lost {', '.join(lost)}"


def require_profiles(documents: Policies, used: Sequence[str]) -> None:
    """Refuse policies without a profile that lines have: a snapshot would take their filtering away."""
    gone = sorted(set(used) - {each.id for each in documents.profiles})
    if gone:
        message = f"lines have profiles that the policies do not: {', '.join(gone)}"
        raise MissingProfileError(
            message, "put profiles/<id>.yaml back, or move those lines: filterd subscriber set-profile"
        )


def guarded(
    documents: Policies, in_force: Mapping[str, Any], used: Sequence[str], accepted: AcceptedLoss
) -> dict[str, Any]:
    """The part of a snapshot's meta that a compile compares with. Its profiles are those that lines have and
    that may not lose much. Raises OperationError where nothing is there to be accepted."""
    lost = losses.between(documents, in_force, used).profiles
    nothing = sorted(set(accepted.profiles) - set(lost))
    if nothing:
        message = f"not kept as in force, so that there is nothing to accept: {', '.join(nothing)}"
        raise OperationError(message, f"profiles that are kept: {', '.join(lost) or 'none'}")
    before: Mapping[str, Any] = in_force.get("profiles", {})
    kept = {each: before[each] for each in used if each in before and each not in accepted.profiles}
    lists = [
        {key: each[key] for key in ("id", "kind", "way") if key in each} for each in in_force.get("lists", ())
    ]
    return {"profiles": kept, "lists": lists}
