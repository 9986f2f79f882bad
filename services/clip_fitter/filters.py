"""One ffmpeg filter as a value, and how a row of them is strung onto a stream. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any


@dataclass(frozen=True)
class Filter:
    """A filter of ffmpeg and its options, e.g. `Filter("fps", {"fps": "24/1"})`."""

    name: str
    options: Mapping[str, str | int] = field(default_factory=dict)


def strung(stream: Any, filters: Iterable[Filter]) -> Any:
    """The ffmpeg-python stream that leaves the last of `filters`."""
    return reduce(lambda before, one: before.filter(one.name, **one.options), filters, stream)
