"""What the sections of the configuration file are made of."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema

from filterd.config import domain

Network = Annotated[
    domain.IPNetwork,
    PlainValidator(domain.parse_network),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8", "2001:db8::/32"]}),
]


def key(default: object, description: str, **limits: Any) -> Any:
    """A key of the file. The default is in the form in which the operator would write it."""
    return Field(default, description=description, **limits)


class SchemaOfSections(GenerateJsonSchema):
    """Makes the JSON schema that operators see: sections stand in it without our ``Raw``."""

    def normalize_name(self, name: str) -> str:
        """The key of a section under ``$defs``."""
        return super().normalize_name(name).removeprefix("Raw")


class Section(BaseModel):
    """A mapping of the file. Unknown keys are errors; defaults are read like written values."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        model_title_generator=lambda section: section.__name__.removeprefix("Raw"),
    )
