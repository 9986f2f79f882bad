"""Assets: media and documents in the object store, named by what determines them.

A source asset's key is the digest of its bytes. A derived asset's key is the digest of everything that determines
it: the digests of its inputs, its recipe and the recipe's version. If the key exists, the work is done. That rule is
the cache, the idempotence of every handler, and the guard against paying a provider twice.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Determinant: TypeAlias = (
    "str | int | bool | Fraction | BaseModel | list[Determinant] | tuple[Determinant, ...]"
    " | Mapping[str, Determinant] | None"
)
"""What may determine an asset. Floats are missing on purpose: two that print alike may differ."""


class Asset(BaseModel):
    """A reference to an object in the store: what events carry instead of media."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*$", max_length=512)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes.")
    media_type: str
    size: int = Field(ge=0, description="Bytes.")


def derived_key(kind: str, extension: str, *, recipe_version: int, **determinants: Determinant) -> str:
    """The key of an asset that is made from others, e.g. `segments/<digest>.mp4`.

    Every determinant goes into the digest as canonical JSON, so the same inputs give the same key in every process,
    and a changed recipe gives a new one.
    """
    value = {"kind": kind, "recipe_version": recipe_version, "determinants": determinants}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_canonical)
    return f"{kind}/{hashlib.sha256(text.encode()).hexdigest()}.{extension}"


def _canonical(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    raise TypeError(f"{type(value).__name__} cannot determine an asset's key")


SOURCES = "sources"


def is_source(key: str) -> bool:
    """True for what the user gave us: a source's bytes are its identity. A derived asset's identity is its recipe."""
    return key.startswith(f"{SOURCES}/")


def source_key(digest: str, extension: str) -> str:
    """The key of something the user gave us: its own digest, and its file's ending where that is a plain one."""
    ending = extension.lower().lstrip(".")
    return f"{SOURCES}/{digest}.{ending if re.fullmatch('[a-z0-9]{1,8}', ending) else 'bin'}"
