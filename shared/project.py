"""The project file: one video to be made, as its author writes it. The models, their bounds and their defaults.

Reading a file, with errors that name the line, is `shared/project_file.py`; docs/project-file.md explains every key.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.assets import Asset
from shared.narration import parse_narration
from shared.project_fit import FillPrices, Fit, SceneFit, fit_of_scene
from shared.project_output import PRESETS, Encoder, EncoderPreset, Output, Transition, transition_after_the_last
from shared.project_section import Section
from shared.project_soundtrack import Beds, ClipSound, Ducking, Music, Sound, VoiceChain, soundtrack_misfits
from shared.project_values import ClipTime, FilePath, Focus, Misfit, PauseLength, Place

__all__ = [
    "PRESETS",
    "Clip",
    "ClipSound",
    "Ducking",
    "Encoder",
    "EncoderPreset",
    "FillPrices",
    "Fit",
    "Music",
    "Output",
    "Project",
    "Scene",
    "SceneFit",
    "Section",
    "Sound",
    "SubmittedProject",
    "Transition",
    "Voice",
    "VoiceChain",
    "Words",
    "disagreements",
    "words_of_a_silent_voice",
]


class Voice(Section):
    """Who speaks."""

    engine: Literal["espeak", "elevenlabs", "openai-speech", "recorded"] = "espeak"
    """`espeak` speaks the script offline; `recorded` uses your own recording; the others ask a service."""
    name: str = Field(default="en-us", pattern=r"^[A-Za-z0-9_+-]{1,40}$", validate_default=True)
    """The engine's name for the voice, e.g. `en-us`, `en-gb`, `en-us+f3`; with `elevenlabs`, the voice's id."""
    words_per_minute: int = Field(default=160, ge=80, le=300)
    """How fast `espeak` speaks."""
    file: FilePath | None = None
    """With `engine: recorded`, one recording of the whole script."""
    model: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.:/-]{1,100}$")
    """The service's model; if none is named, `eleven_multilingual_v2`, and `tts-1` with `openai-speech`."""
    speed: float = Field(default=1, ge=0.25, le=4)
    """How fast a service speaks, 1 being the voice's own speed; `elevenlabs` takes 0.7 to 1.2."""
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    """With `elevenlabs`, the language as two letters, where the model takes it."""
    stability: float | None = Field(default=None, ge=0, le=1)
    """With `elevenlabs`, how little the voice varies."""
    similarity: float | None = Field(default=None, ge=0, le=1)
    """With `elevenlabs`, how close it stays to the original voice."""
    style: float | None = Field(default=None, ge=0, le=1)
    """With `elevenlabs`, how much the speaker's style is exaggerated."""
    url: str | None = Field(default=None, pattern=r"^https?://[A-Za-z0-9\[][^\s?#@]{0,200}$")
    """With `openai-speech`, where the server is, e.g. `http://127.0.0.1:8880/v1`."""
    buy_again: tuple[Annotated[str, Field(pattern=r"^[a-z]{1,20}$")], ...] | None = Field(default=None, max_length=2000)
    """Requests to a paid service whose answers were lost and that may be made again, as the failure names them."""

    @field_validator("words_per_minute", "model", "speed", "language", "stability", "similarity", "style", "url")
    @classmethod
    def _suits_the_engine(cls, value: object, info: ValidationInfo) -> object:
        """A key that an engine has no use for is a misunderstanding; a document between services has all keys."""
        engine, key = info.data.get("engine"), str(info.field_name)
        if engine is None or value == cls.model_fields[key].default:
            return value
        if engine not in _ENGINES_WITH[key]:
            others = " or ".join(f"`engine: {other}`" for other in _ENGINES_WITH[key])
            remedy = f"Remove it, or write {others}."
            if key == "words_per_minute" and engine in _ENGINES_WITH["speed"]:
                remedy = "Write `speed`, 1 being the voice's own."
            elif key == "speed" and engine == "espeak":
                remedy = "Write `words_per_minute`."
            raise Misfit(f"`{key}` means nothing to the voice `{engine}`.", remedy)
        if key == "speed" and engine == "elevenlabs" and not 0.7 <= float(str(value)) <= 1.2:
            raise Misfit(f"`elevenlabs` does not speak at a speed of {value}.", "Write a number from 0.7 to 1.2.")
        return value

    @field_validator("name")
    @classmethod
    def _is_a_voice_of_the_engine(cls, name: str, info: ValidationInfo) -> str:
        engine = info.data.get("engine")
        if engine == "elevenlabs" and not re.fullmatch(r"[A-Za-z0-9]{16,40}", name):
            reason = f'"{name}" is not the id of a voice of ElevenLabs.'
            remedy = "Write its 20 letters and digits as `name`: open the voice at ElevenLabs and choose Copy voice ID."
            raise Misfit(reason if name != "en-us" else "`elevenlabs` needs the id of a voice.", remedy)
        if engine == "openai-speech" and name == "en-us":
            raise Misfit("`openai-speech` needs a voice.", "Write a `name` that the server has, e.g. `alloy`.")
        return name


_ENGINES_WITH: Mapping[str, tuple[str, ...]] = {
    "words_per_minute": ("espeak",),
    "model": ("elevenlabs", "openai-speech"),
    "speed": ("elevenlabs", "openai-speech"),
    "language": ("elevenlabs",),
    "stability": ("elevenlabs",),
    "similarity": ("elevenlabs",),
    "style": ("elevenlabs",),
    "url": ("openai-speech",),
}


class Words(Section):
    """How the words are timed."""

    engine: Literal["pocketsphinx", "voice", "elevenlabs-alignment", "elevenlabs-scribe", "whisper"] = "pocketsphinx"
    """`pocketsphinx` finds the script's words in the voiceover, offline; `voice` takes the voice's own report;
    `whisper` recognises speech offline; the others ask a paid service."""
    model: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.:/-]{1,200}$")
    """With `elevenlabs-scribe`, the model if not `scribe_v2`; with `whisper`, a model's name or its folder."""
    language: str | None = Field(default=None, pattern=r"^[a-z]{2}$")
    """With `elevenlabs-scribe` or `whisper`, the language as two letters; without it, it is guessed."""
    buy_again: tuple[Annotated[str, Field(pattern=r"^[a-z]{1,20}$")], ...] | None = Field(default=None, max_length=2000)
    """Requests to a paid service whose answers were lost and that may be made again, as the failure names them."""

    @field_validator("model", "language")
    @classmethod
    def _suits_the_engine(cls, value: str | None, info: ValidationInfo) -> str | None:
        engine = info.data.get("engine")
        if value is not None and engine not in {"elevenlabs-scribe", "whisper", None}:
            remedy = "Remove it, or write `engine: elevenlabs-scribe` or `engine: whisper`."
            raise Misfit(f"`{info.field_name}` means nothing to the engine `{engine}`.", remedy)
        return value


class Clip(Section):
    """A piece of footage. In the file it is a path, or a group of keys where more is to be said about it."""

    file: FilePath
    """The video file, relative to the project file."""
    in_ms: ClipTime | None = Field(default=None, alias="in")
    """Where to start in the clip: milliseconds, or `400ms`, `1.5s`. Without it, a longer clip's best part is."""
    frame: Literal["cover", "contain", "blur"] | None = None
    """How this clip comes to the output's shape, where it is not the `frame` of `fit`."""
    focus: Focus | None = None
    """Where this clip's subject is, where it is not the `focus` of `fit`."""
    keep_sound: bool = False
    """Whether the clip's own sound is heard, lowered under the words."""

    @model_validator(mode="before")
    @classmethod
    def _a_path_is_a_clip(cls, value: object) -> object:
        return {"file": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        keys = handler.resolve_ref_schema(handler(core_schema))
        path = {"type": "string", "minLength": 1, "description": "The video file, relative to the project file."}
        return {"description": keys.pop("description"), "anyOf": [path, keys]}


class Scene(Section):
    """One scene: what is said, what is shown, and the silence after it."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    """Names the scene in tables and messages: letters, digits, - and _; no two scenes have the same."""
    narration: str = Field(min_length=1, max_length=20_000)
    """What the voice says: plain text, or text with <break>, <prosody rate>, <p>, <s>, <sub alias>, <say-as>."""
    clips: tuple[Clip, ...] = Field(min_length=1, max_length=8)
    """The footage, in the order in which it is shown."""
    pause_after_ms: PauseLength = Field(default=400, alias="pause_after")
    """Silence after the narration where Lockstep records the voice: milliseconds, or `400ms`, `1.5s`."""
    recording: FilePath | None = None
    """With `engine: recorded`, your own recording of this scene."""
    transition: Transition | None = None
    """How it gives way to the next scene, where that is not the project's `transition`."""
    fit: SceneFit | None = None
    """How its clips may be changed, where that is not as the project's `fit` says."""

    @property
    def keeps_sound(self) -> bool:
        """True where the own sound of at least one of its clips is heard."""
        return any(clip.keep_sound for clip in self.clips)

    @field_validator("narration")
    @classmethod
    def _can_be_spoken(cls, narration: str) -> str:
        parse_narration(narration)
        return narration


class Project(Section):
    """One video to be made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Names the video and its file: small letters, digits and dashes."""
    output: Output = Output()
    """What the finished video is like."""
    voice: Voice = Voice()
    """Who speaks."""
    words: Words = Words()
    """How the words are timed."""
    fit: Fit = Fit()
    """How a clip may be changed to fill its scene."""
    transition: Transition = Transition(kind="cut")
    """How a scene gives way to the next, where the scene itself does not say."""
    voice_chain: VoiceChain = VoiceChain()
    """What is done to the voice before it is mixed."""
    music: Beds = ()
    """The bed under the voice, or a list of beds, each under some of the scenes; without it there is none."""
    sounds: tuple[Sound, ...] = Field(default=(), max_length=1_000)
    """Sound effects, each at a word."""
    clip_sound: ClipSound = ClipSound()
    """How the own sound of clips with `keep_sound` is mixed."""
    outro_ms: PauseLength = Field(default=0, alias="outro")
    """Silence of the voice after the last scene, in which music and picture go on: milliseconds, or `400ms`, `1.5s`."""
    scenes: tuple[Scene, ...] = Field(min_length=1, max_length=2_000)
    """The scenes in the order in which they are shown."""

    @model_validator(mode="after")
    def _parts_agree(self) -> "Project":
        recordings = [(scene.id, scene.recording is not None) for scene in self.scenes]
        for disagreement in disagreements(self.voice.engine, self.voice.file is not None, recordings):
            raise disagreement
        if silent := words_of_a_silent_voice(self.voice.engine, self.words.engine):
            raise silent
        if idle := transition_after_the_last(len(self.scenes), written=self.scenes[-1].transition is not None):
            raise idle
        spoken = [(scene.id, scene.narration) for scene in self.scenes]
        for misfit in soundtrack_misfits([bed.scenes for bed in self.music], [one.at for one in self.sounds], spoken):
            raise misfit
        return self

    def fit_of(self, place: int) -> Fit:
        """How the clips of a scene may be changed; `place` counts from 0."""
        return fit_of_scene(self.fit, self.scenes[place].fit)

    @property
    def transitions(self) -> tuple[Transition, ...]:
        """How each scene but the last gives way to the next."""
        return tuple(scene.transition or self.transition for scene in self.scenes[:-1])


def disagreements(engine: str, has_one_recording: bool, scenes: Sequence[tuple[str | None, bool]]) -> list[Misfit]:
    """What cannot be seen in one value alone. `scenes`: each one's id and whether it names a recording."""
    found: list[Misfit] = []
    first_with: dict[str, int] = {}
    for position, (scene_id, _) in enumerate(scenes):
        if scene_id is not None and (first := first_with.setdefault(scene_id, position)) != position:
            reason = f'Two scenes have the id "{scene_id}": scenes[{first}] and this one.'
            found.append(Misfit(reason, "Give each its own.", place=("scenes", position, "id")))
    recorded = [position for position, (_, has_recording) in enumerate(scenes) if has_recording]
    if engine != "recorded":
        remedy = "Write `engine: recorded` under `voice`, or remove the recording."
        places: list[Place] = [("voice", "file")] * has_one_recording
        places += [("scenes", position, "recording") for position in recorded]
        reason = "A recording is named, but another voice speaks."
        return [*found, *(Misfit(reason, remedy, place=place) for place in places)]
    if has_one_recording and recorded:
        reason = "There is a recording of the whole script and one of this scene too."
        remedy = "Keep `file` under `voice`, or a `recording` in every scene."
        return [*found, *(Misfit(reason, remedy, place=("scenes", position, "recording")) for position in recorded)]
    if not has_one_recording and not recorded:
        remedy = "Name one `file` under `voice`, or a `recording` in every scene."
        return [*found, Misfit("The voice is `recorded`, but no recording is named.", remedy, place=("voice",))]
    if recorded:
        missing = [position for position, (_, has_recording) in enumerate(scenes) if not has_recording]
        reason = "The scene has no `recording`, but others have."
        found += [Misfit(reason, "Record every scene, or none.", place=("scenes", at)) for at in missing]
    return found


def words_of_a_silent_voice(voice: str, words: str) -> Misfit | None:
    """Where the words' times are to be the voice's own report, and the voice makes none."""
    if words != "voice" or voice not in _ENGINES_WITHOUT_WORD_TIMES:
        return None
    remedy = "Write another engine for the words, e.g. `engine: pocketsphinx`, or remove the line."
    return Misfit(f"The voice `{voice}` reports no times for its words.", remedy, place=("words", "engine"))


_ENGINES_WITHOUT_WORD_TIMES = frozenset({"recorded", "openai-speech"})


class SubmittedProject(BaseModel):
    """A project whose files are in the store: the document that `project.submitted` points to."""

    model_config = ConfigDict(frozen=True)

    project: Project
    sources: dict[str, Asset]
    """By the path that the project file names."""

    def source(self, path: str) -> Asset:
        """The stored source for a path of the project file."""
        return self.sources[path]
