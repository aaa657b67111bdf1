"""The types that the API's requests are made of, and the form of its replies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, LiteralString, TypeVar

from fastapi import Path
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from filterd.operations import input_values
from filterd.operations.errors import OperationError
from filterd.web.api.paths import id_of

T = TypeVar("T")
REFUSED: LiteralString = "refused"
"""the kind of an error that a use case would raise"""
SLICE = 100
"""items of an array that are judged before the first error ends the judging"""


def refused_by(check: Callable[[str], object]) -> AfterValidator:
    """The validator that refuses what a use case would refuse, so that all errors are told at once."""

    def look(value: str) -> str:
        try:
            check(value)
        except OperationError as error:
            found = {"message": str(error), "remedy": error.remedy}
            raise PydanticCustomError(REFUSED, "{message}", found) from None
        return value

    return AfterValidator(look)


def _line_of_text(value: str) -> str:
    return input_values.text(value, "text", required=False)


def _required_text(value: str) -> str:
    return input_values.text(value, "text")


SubscriberId = Annotated[str, Field(min_length=1, max_length=128), refused_by(_line_of_text)]
LineId = Annotated[str, Path(max_length=128, description="The subscriber's id."), AfterValidator(id_of)]
Text = Annotated[str, Field(max_length=input_values.MAX_TEXT), refused_by(_line_of_text)]
RequiredText = Annotated[
    str, Field(min_length=1, max_length=input_values.MAX_TEXT), refused_by(_required_text)
]
ZoneName = Annotated[str, Field(max_length=64), refused_by(input_values.zone)]
BoundText = Annotated[str, Field(min_length=1, max_length=256), refused_by(input_values.bound)]


def _text_of_time(value: object) -> object:
    """Refuse a number, which nobody can tell the unit of."""
    if not isinstance(value, str | datetime):
        found = {"remedy": "write it like 2026-11-25T21:00:00-06:00"}
        raise PydanticCustomError(REFUSED, "not the text of a time", found)
    return value


def _meant(value: datetime) -> datetime:
    if not input_values.EARLIEST <= value.timestamp() <= input_values.LATEST:
        found = {"remedy": "give the right year"}
        raise PydanticCustomError(REFUSED, "not a time that can be meant", found)
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text_of_time), AfterValidator(_meant)]


@dataclass(frozen=True, slots=True)
class Items:
    """The length of an array in a request, judged before its items. The items are judged in slices of
    :data:`SLICE`: those behind the first slice with an error are not looked at."""

    most: int
    least: int = 0

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        """The schema of the array with its length, which the description shows too."""
        array: Any = handler(source)
        array |= {"min_length": self.least, "max_length": self.most}
        return core_schema.no_info_wrap_validator_function(self._judge, array)

    def _judge(self, value: object, handler: ValidatorFunctionWrapHandler) -> object:
        if not isinstance(value, list) or len(value) <= SLICE:
            return handler(value)
        if len(value) > self.most:
            found = {"count": len(value), "most": self.most, "remedy": f"send at most {self.most}"}
            raise PydanticCustomError(REFUSED, "{count} items, and {most} may be there", found)
        judged: list[Any] = []
        for begin in range(0, len(value), SLICE):
            try:
                judged += handler(value[begin : begin + SLICE])
            except ValidationError as error:
                raise _moved(error, begin) from None
        return tuple(judged)


def _moved(error: ValidationError, begin: int) -> ValidationError:
    """The errors of a slice that begins at that item of an array."""
    found = [
        InitErrorDetails(
            type=PydanticCustomError(REFUSED, "{message}", {"message": each["msg"], **each.get("ctx", {})}),
            loc=(begin + int(each["loc"][0]), *each["loc"][1:]),
            input=None,
        )
        for each in error.errors(include_url=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, found)


class RequestBody(BaseModel):
    """The body of a request. Unknown fields are errors; where there are many, one error for all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _few_fields(cls, value: object) -> object:
        known = cls.model_fields
        if isinstance(value, dict) and len(value) > len(known) + SLICE:
            found = {"count": len(value), "remedy": f"those that exist: {', '.join(known)}"}
            raise PydanticCustomError(REFUSED, "{count} fields, most of them unknown", found)
        return value


class ListPart(BaseModel, Generic[T]):
    """A part of a list. ``next`` goes into the parameter ``after`` to go on; null: the list has ended."""

    items: list[T]
    next: str | None


def time_of(seconds: float) -> datetime | None:
    """A moment in a reply; None for 0."""
    return datetime.fromtimestamp(int(seconds), UTC) if seconds else None


Plain = dict[str, Any]
"""an object in the form in which commands print it with --json"""
