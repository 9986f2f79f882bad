"""What each model of ElevenLabs takes, as data. Pure.

From the vendor's documents, the OpenAPI file and reports of users, read on 22 November 2026. A model that is not named
here gets nothing but the text, and what the project file asks for beyond that is refused rather than ignored.
"""

from dataclasses import dataclass
from fractions import Fraction

AS_OF = "November 2026"
DEFAULT_MODEL = "eleven_multilingual_v2"


@dataclass(frozen=True)
class ElevenLabsModel:
    """What one model takes in a request."""

    longest_text: int
    """Characters."""
    takes: frozenset[str]
    """Keys under `voice` in the project file."""
    takes_neighbours: bool
    """The texts before and after; eleven_v3 answers 400 to them."""
    obeys_brackets: bool = False
    """`[whispers]` is a direction, not text."""


_SETTINGS = frozenset({"speed", "stability", "similarity", "style"})
_FLASH_2_5 = ElevenLabsModel(40_000, _SETTINGS | {"language"}, takes_neighbours=True)
_FLASH_2 = ElevenLabsModel(30_000, _SETTINGS, takes_neighbours=True)

MODELS = {
    "eleven_multilingual_v2": ElevenLabsModel(10_000, _SETTINGS, takes_neighbours=True),
    "eleven_flash_v2_5": _FLASH_2_5,
    "eleven_turbo_v2_5": _FLASH_2_5,
    "eleven_flash_v2": _FLASH_2,
    "eleven_turbo_v2": _FLASH_2,
    "eleven_v3": ElevenLabsModel(
        5_000, frozenset({"stability", "language"}), takes_neighbours=False, obeys_brackets=True
    ),
}

_UNKNOWN = ElevenLabsModel(5_000, frozenset(), takes_neighbours=False, obeys_brackets=True)

SLOWEST, FASTEST = Fraction(7, 10), Fraction(12, 10)
"""`speed` as documented; beyond it users report silent clamping, or no sound at all."""


def model_named(name: str) -> ElevenLabsModel:
    """What the model takes, as far as is known."""
    return MODELS.get(name, _UNKNOWN)
