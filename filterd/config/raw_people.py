"""The schema of the list ``people`` of the configuration file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import AfterValidator, Field

from filterd.config.raw_types import Section

Account = Annotated[str, Field(min_length=1, max_length=128, strict=True, examples=["ana"])]


class RawPerson(Section):
    """A human who has more than one account."""

    name: Account = Field(description="The person, as refusals and doctor name them.")
    accounts: tuple[Account, ...] = Field(
        description="Every account that is theirs: logins of this system and names of tokens.",
        min_length=1,
        max_length=64,
    )


def _apart(people: tuple[RawPerson, ...]) -> tuple[RawPerson, ...]:
    for each in _repeated(person.name for person in people):
        msg = f"{each} stands here twice"
        raise ValueError(msg)
    for each in _repeated(account for person in people for account in person.accounts):
        msg = f"the account {each} stands here twice"
        raise ValueError(msg)
    strangers = {person.name: person for person in people}
    for person in people:
        for account in person.accounts:
            if account in strangers and account != person.name:
                msg = f"the account {account} of {person.name} has the name of another person"
                raise ValueError(msg)
    return people


def _repeated(words: Iterable[str]) -> list[str]:
    every = list(words)
    return sorted({each for each in every if every.count(each) > 1})


RawPeople = Annotated[tuple[RawPerson, ...], AfterValidator(_apart)]
