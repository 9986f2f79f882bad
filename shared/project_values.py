"""How single values are written in the project file: rates, times, sizes, places in a picture."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from shared.narration import read_duration_ms
from shared.segments import track_clock

Place = tuple[str | int, ...]
"""Where in the project something stands: keys and positions, `("scenes", 2, "clips")`."""


class Misfit(ValueError):
    """A value that cannot be used: why, what to write instead, and its place where a value's own is not the one."""

    def __init__(self, reason: str, remedy: str, *, place: Place = ()) -> None:
        super().__init__(f"{reason} {remedy}")
        self.reason = reason
        self.remedy = remedy
        self.place = place


def _rate(value: object) -> object:
    """Read `24`, `29.97`, `"30000/1001"`; the broadcast rates that people write as decimals become exact."""
    if not re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?|\d{1,9}/0*[1-9]\d{0,8}", str(value), flags=re.ASCII):
        raise Misfit(f'"{str(value)[:40]}" is not a frame rate.', "Write 24, 25, 30 or 30000/1001.")
    rate = Fraction(str(value))
    exact = {
        Fraction("23.976"): Fraction(24000, 1001),
        Fraction("23.98"): Fraction(24000, 1001),
        Fraction("29.97"): Fraction(30000, 1001),
        Fraction("59.94"): Fraction(60000, 1001),
    }
    rate = exact.get(rate, rate)
    # 240 fps is the fastest rate that H.264 level 5.2 allows at 1280x720; a clip model's highest is 60.
    if not 1 <= rate <= 240:
        raise Misfit(f"{value} frames per second is not between 1 and 240.", "Write 24, 25, 30 or 30000/1001.")
    try:
        track_clock(rate)
    except ValueError:
        reason = f"{value} frames per second cannot be written to a video file."
        raise Misfit(reason, "Write 24, 25, 30 or 30000/1001.") from None
    return rate


FrameRate = Annotated[
    Fraction,
    BeforeValidator(_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": ["number", "string"], "pattern": r"^\d+(\.\d+)?$|^\d+/\d+$", "minimum": 1, "maximum": 240}),
]


def _milliseconds(value: object) -> object:
    """Read `400`, `"400ms"` and `"1.5s"`."""
    if isinstance(value, float):
        raise Misfit(f"{value} is no time without its unit.", 'Write 400, "400ms" or "1.5s".')
    if not isinstance(value, str):
        return value
    try:
        return read_duration_ms(value)
    except ValueError:
        raise Misfit(f'"{value[:40]}" is not a time.', 'Write 400, "400ms" or "1.5s".') from None


PAUSE_LIMIT_MS = 60_000

CLIP_LIMIT_MS = 3_600_000

SHORTEST_TRANSITION_MS, LONGEST_TRANSITION_MS = 40, 5_000

SHORTEST_CROSSFADE_MS, LONGEST_CROSSFADE_MS = 100, 3_000


def _length_schema(shortest_ms: int, longest_ms: int) -> WithJsonSchema:
    """How the schema tells a length that is written as milliseconds or with its unit."""
    pattern = r"^\d+(\.\d+)?\s*(ms|s)$"
    return WithJsonSchema(
        {"type": ["integer", "string"], "pattern": pattern, "minimum": shortest_ms, "maximum": longest_ms}
    )


PauseLength = Annotated[
    int, Field(ge=0, le=PAUSE_LIMIT_MS), BeforeValidator(_milliseconds), _length_schema(0, PAUSE_LIMIT_MS)
]

ClipTime = Annotated[
    int, Field(ge=0, le=CLIP_LIMIT_MS), BeforeValidator(_milliseconds), _length_schema(0, CLIP_LIMIT_MS)
]

TransitionLength = Annotated[
    int,
    Field(ge=SHORTEST_TRANSITION_MS, le=LONGEST_TRANSITION_MS),
    BeforeValidator(_milliseconds),
    _length_schema(SHORTEST_TRANSITION_MS, LONGEST_TRANSITION_MS),
]

CrossfadeLength = Annotated[
    int,
    Field(ge=SHORTEST_CROSSFADE_MS, le=LONGEST_CROSSFADE_MS),
    BeforeValidator(_milliseconds),
    _length_schema(SHORTEST_CROSSFADE_MS, LONGEST_CROSSFADE_MS),
]

EvenPixels = Annotated[int, Field(ge=16, le=7680, multiple_of=2)]

FilePath = Annotated[str, Field(min_length=1, max_length=1_000)]


def _focus(value: object) -> object:
    """Read `left` or `[0.5, 0.3]`."""
    named = {"centre": (0.5, 0.5), "left": (0, 0.5), "right": (1, 0.5), "top": (0.5, 0), "bottom": (0.5, 1)}
    if not isinstance(value, str):
        return value
    if value not in named:
        remedy = "Write `left`, `right`, `top`, `bottom`, `centre`, or two numbers from 0 to 1: [0.5, 0.3]."
        raise Misfit(f'"{value[:40]}" is no place in a picture.', remedy)
    return named[value]


Share = Annotated[float, Field(ge=0, le=1)]

Focus = Annotated[
    tuple[Share, Share],
    BeforeValidator(_focus),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["centre", "left", "right", "top", "bottom"]},
                {
                    "type": "array",
                    "items": {"type": "number", "minimum": 0, "maximum": 1},
                    "minItems": 2,
                    "maxItems": 2,
                },
            ]
        }
    ),
]
"""Where the subject is: shares of the picture's width and height, from its upper left corner."""
