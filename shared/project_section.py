"""What all parts of the project file have in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the project file. Frozen.

    A service tolerates keys it does not know, so services can be deployed one at a time; the project *file* is read
    with unknown keys refused (`shared/project_file.py`), and the schema says so: a typo must not become a default.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        json_schema_extra={"additionalProperties": False},
    )
