"""The adoption of a register: two people decide once that its items come in under its guards.

They are the approvers of each order that it makes. What a guard keeps back is not covered: people decide on
it. With other terms (kind, authority, ground, law, source, list, overblocking) it has to be adopted anew.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from filterd.config.register_settings import RegisterSettings
from filterd.model.register import RegisterAdoption
from filterd.operations import input_values
from filterd.operations.context import Context
from filterd.operations.errors import ConflictError
from filterd.operations.orders import people
from filterd.operations.registers.finding import register_subject, require_register
from filterd.store import registers as rows

PEOPLE = 2
_TERMS = (
    *("kind", "authority", "ground", "law", "official", "source", "list"),
    *("confidential", "overblocking", "blocking_mode"),
)


def terms_of(register: RegisterSettings) -> dict[str, Any]:
    """The terms that people adopt."""
    return {each: getattr(register, each) for each in _TERMS}


def digest_of_terms(register: RegisterSettings) -> str:
    """SHA-256 of the terms."""
    return hashlib.sha256(json.dumps(terms_of(register), sort_keys=True).encode()).hexdigest()


async def adopt(context: Context, identifier: str, *, reason: str) -> RegisterAdoption:
    """Adopt a register, or confirm another person's word on it. Raises OperationError."""
    context.require_person()
    people.require_own(context, PEOPLE)
    register = require_register(context, identifier)
    because = input_values.text(reason, "reason", limit=1000)
    terms = digest_of_terms(register)
    async with context.store.write(context.actor, context.clock()) as write:
        before = await rows.adoption(write.connection, register.id)
        after = _adopted(context, RegisterAdoption(register.id, terms, because, context.actor, 0.0), before)
        await rows.put_adoption(write.connection, after)
        write.audit(
            "register.adopt",
            register_subject(register.id),
            reason=because,
            before=None if before is None else _audited(before),
            after={**_audited(after), "terms_adopted": terms_of(register), **people.audited_maker(context)},
        )
    return after


async def standing(connection: AsyncConnection, register: RegisterSettings) -> RegisterAdoption | None:
    """The adoption, if two people decided it with these very terms."""
    found = await rows.adoption(connection, register.id)
    stands = found is not None and found.adopted_at and found.terms == digest_of_terms(register)
    return found if stands else None


async def require_adopted(connection: AsyncConnection, register: RegisterSettings) -> RegisterAdoption:
    """The adoption that stands. Raises ConflictError."""
    found = await standing(connection, register)
    if found is None:
        message = f"the register {register.id} is not adopted, or its terms have changed since"
        remedy = f"two people, each: filterd register adopt {register.id} --reason ...; to look: --dry-run"
        raise ConflictError(message, remedy)
    return found


def _adopted(context: Context, asked: RegisterAdoption, before: RegisterAdoption | None) -> RegisterAdoption:
    """The adoption after one more person's word."""
    now = float(context.clock())
    if before is None or before.terms != asked.terms:
        return replace(asked, asked_at=now)
    if before.adopted_at:
        message = f"the register {asked.register} is adopted already, by {' and '.join(before.people)}"
        raise ConflictError(message, f"see: filterd register show {asked.register}")
    if context.person_of(before.asked_by) == context.human:
        message = f"{context.actor} adopted the register {asked.register} already; it waits"
        raise ConflictError(message, "another person has to do it, under their own user")
    return replace(before, adopted_by=context.actor, adopted_at=now)


def _audited(adopted: RegisterAdoption) -> dict[str, Any]:
    state = "adopted" if adopted.adopted_at else "asked"
    people_of_it = {"asked_by": adopted.asked_by, "adopted_by": adopted.adopted_by}
    return {"state": state, "terms": adopted.terms, **{k: v for k, v in people_of_it.items() if v}}
