"""The soundtrack as the project file describes it: the beds, the sounds, and what is done to the voice."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.narration import NarrationError, parse_narration
from shared.project_section import Section
from shared.project_values import FilePath, Misfit

LONGEST_RANGE, LONGEST_ANCHOR = 140, 200


class Ducking(Section):
    """How the music makes room for the words."""

    depth_db: float = Field(default=-16, ge=-60, le=0)
    """How far the music is lowered under words, in decibels."""
    pause_db: float = Field(default=-6, ge=-60, le=0)
    """How far it is lowered in the pauses between words, in decibels."""
    merge_gap_ms: int = Field(default=700, ge=0, le=10_000)
    """A gap between words that is shorter than this does not let the music back up."""
    lead_ms: int = Field(default=100, ge=0, le=5_000)
    """The music is all the way down this long before the first word."""
    attack_ms: int = Field(default=300, ge=10, le=10_000)
    """How long the way down takes."""
    hold_ms: int = Field(default=250, ge=0, le=10_000)
    """How long the music stays down after the last word."""
    release_ms: int = Field(default=900, ge=10, le=20_000)
    """How long the way up takes."""
    clearance_db: float = Field(default=12, ge=0, le=40)
    """The voice stands at least this far above the music under words, in LU: loud music is lowered further."""


class Music(Section):
    """A bed under the voice."""

    file: FilePath
    """The music file, relative to the project file; looped or trimmed to the length of its scenes."""
    scenes: str | None = Field(default=None, min_length=1, max_length=LONGEST_RANGE)
    """The scenes that it plays under, by id or number: `intro..storm`, or one; without it, all."""
    gain_db: float = Field(default=0, ge=-60, le=24)
    """Makes the music louder or softer as a whole, in decibels."""
    ducking: Ducking = Ducking()
    """How the music makes room for the words."""
    crossfade_ms: int = Field(default=2_000, ge=50, le=20_000)
    """Where the music is looped, its end and its start overlap this long; so do two beds where one follows another."""
    fade_out_ms: int = Field(default=3_000, ge=0, le=30_000)
    """How long the music takes to fade out at the end; it begins after the last word where there is room for it."""


class Sound(Section):
    """A sound effect at a word: it moves with the voice."""

    file: FilePath
    """The sound file, relative to the project file."""
    at: str = Field(min_length=1, max_length=LONGEST_ANCHOR)
    """The scene and the word at which it starts: `storm:thunder`; `storm:the#2` is the second `the`."""
    gain_db: float = Field(default=-6, ge=-60, le=24)
    """How loud it is beside the voice, in decibels."""
    depth_db: float = Field(default=-6, ge=-60, le=0)
    """How far it is lowered further while words are spoken, in decibels."""


class ClipSound(Section):
    """How the clips' own sound is mixed, of those clips that keep it."""

    gain_db: float = Field(default=-6, ge=-60, le=24)
    """How loud it is beside the voice, in decibels."""
    depth_db: float = Field(default=-10, ge=-60, le=0)
    """How far it is lowered further while words are spoken, in decibels."""


class VoiceChain(Section):
    """What is done to the voice before it is mixed."""

    compression: float = Field(default=2, ge=1, le=6)
    """How much less a loud syllable rises above a soft one: 2 halves it, 1 leaves it alone."""
    high_pass_hz: int = Field(default=70, ge=0, le=300)
    """Takes away rumble below this frequency; 0 leaves it."""
    de_ess: float = Field(default=0, ge=0, le=1)
    """How much sharp `s` sounds are softened; 0 leaves them."""
    room_tone_db: float | None = Field(default=None, ge=-70, le=-30)
    """A faint noise, so that the silence put between takes is not dead: how loud beside the voice, in decibels."""

    @property
    def is_idle(self) -> bool:
        """True where nothing is done to the voice."""
        return self.compression == 1 and not self.high_pass_hz and not self.de_ess and self.room_tone_db is None


class _OneOrSeveral:
    """In the file, a list with one entry may be written as the entry alone; the schema says so."""

    def __get_pydantic_json_schema__(self, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        several = handler(core_schema)
        return {"anyOf": [several["items"], several]}


def _several(value: object) -> object:
    # A tuple, because what comes after this is held to it strictly.
    return () if value is None else tuple(value) if isinstance(value, list | tuple) else (value,)


Beds = Annotated[tuple[Music, ...], Field(max_length=100), BeforeValidator(_several), _OneOrSeveral()]
"""One bed under all scenes, or several, each under a range of them."""


@dataclass(frozen=True)
class Anchor:
    """A word of a scene: the `occurrence`th, from 1 on, that is spelled so."""

    scene_id: str
    word: str
    occurrence: int

    def place_in(self, words: Sequence[str]) -> int | None:
        """Which of a scene's words it is, or None where it is not among them; case and punctuation do not matter."""
        wanted = letters_of(self.word)
        places = [place for place, word in enumerate(words) if letters_of(word) == wanted]
        return places[self.occurrence - 1] if len(places) >= self.occurrence else None


def read_anchor(text: str) -> Anchor:
    """Read `storm:thunder` or `storm:the#2`. Raises `Misfit`."""
    found = re.fullmatch(r"([^:\s]+):([^\s#]+?)(?:#([1-9]\d{0,3}))?", text)
    if found is None or not letters_of(found[2]):
        raise Misfit(f'"{text[:60]}" names no word.', "Write a scene's id and one of its words: `storm:thunder`.")
    return Anchor(found[1], found[2], int(found[3] or 1))


def letters_of(word: str) -> str:
    """A word without case and punctuation."""
    return re.sub(r"[\W_]", "", word).casefold()


def scene_range(text: str | None, scene_ids: Sequence[str | None]) -> range:
    """The places of the scenes that `intro..storm` or `storm` names, by id or by number. Raises `Misfit`."""
    if text is None:
        return range(len(scene_ids))
    first, _, last = text.partition("..")
    start, end = _scene_place(first, scene_ids), _scene_place(last or first, scene_ids)
    if end < start:
        raise Misfit(f'"{text[:60]}" ends before it begins.', f"Write `{last}..{first}`.")
    return range(start, end + 1)


def soundtrack_misfits(
    beds: Sequence[str | None], anchors: Sequence[str | None], scenes: Sequence[tuple[str | None, str]]
) -> Iterator[Misfit]:
    """What is wrong about beds and sounds that only the scenes can tell.

    `beds` are their scenes as written, `anchors` where the sounds start (None where that cannot be read), `scenes` each
    one's id and narration.
    """
    scene_ids = [scene_id for scene_id, _ in scenes]
    ranges: list[tuple[int, range]] = []
    for number, written in enumerate(beds):
        if written is None and len(beds) > 1:
            remedy = "Write which scenes it plays under: `scenes: intro..storm`."
            yield Misfit("There are several beds, and this one names no scenes.", remedy, place=("music", number))
            continue
        try:
            ranges.append((number, scene_range(written, scene_ids)))
        except Misfit as error:
            yield Misfit(error.reason, error.remedy, place=("music", number, "scenes"))
    for (_, one), (number, other) in combinations(ranges, 2):
        if shared := sorted(set(one) & set(other)):
            reason = f"Another bed plays under scene {scene_ids[shared[0]]!r} already."
            yield Misfit(reason, "Let one range end before the next begins.", place=("music", number, "scenes"))
    for number, anchor in enumerate(anchors):
        if anchor is None:
            continue
        try:
            _require_word(read_anchor(anchor), scenes)
        except Misfit as error:
            yield Misfit(error.reason, error.remedy, place=("sounds", number, "at"))


def _scene_place(name: str, scene_ids: Sequence[str | None]) -> int:
    if name in scene_ids:
        return scene_ids.index(name)
    if re.fullmatch(r"[1-9]\d{0,4}", name) and int(name) <= len(scene_ids):
        return int(name) - 1
    close = difflib.get_close_matches(name, [scene_id for scene_id in scene_ids if scene_id], n=1)
    remedy = f"Did you mean `{close[0]}`?" if close else "Write a scene's id, or two: `intro..storm`."
    raise Misfit(f'There is no scene "{name[:60]}".', remedy)


def _require_word(anchor: Anchor, scenes: Sequence[tuple[str | None, str]]) -> None:
    narration = scenes[_scene_place(anchor.scene_id, [scene_id for scene_id, _ in scenes])][1]
    try:
        words = parse_narration(narration).text.split()
    except NarrationError:
        return  # told elsewhere, at the narration
    if anchor.place_in(words) is not None:
        return
    count = sum(letters_of(word) == letters_of(anchor.word) for word in words)
    if count:
        times = "once" if count == 1 else f"{count} times"
        raise Misfit(f'Scene {anchor.scene_id!r} has the word "{anchor.word}" {times}.', "Write a smaller number.")
    spelled = {letters_of(word): word.strip(".,;:!?\"'()") for word in words}
    close = difflib.get_close_matches(letters_of(anchor.word), spelled, n=1)
    remedy = f"Did you mean `{anchor.scene_id}:{spelled[close[0]]}`?" if close else "Write one of its words."
    raise Misfit(f'Scene {anchor.scene_id!r} has no word "{anchor.word}".', remedy)
