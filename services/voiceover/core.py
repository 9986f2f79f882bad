"""The voiceover's decisions: what each take says, where its sound begins and ends, and where it starts on the clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from services.voiceover.line import Line, SpokenWord, without_edge_pauses
from services.voiceover.sides import OpposedSides
from services.voiceover.take_report import ReportedWord, TakeReport
from shared.assets import Asset, Determinant, derived_key
from shared.errors import Unrecoverable
from shared.narration import Narration, parse_narration
from shared.project import Scene, SubmittedProject
from shared.timeline import SAMPLE_RATE, FrameGrid, Span
from shared.transcript import OpposedStretch, Recording, Side, Take, Word

TAKE_RECIPE_VERSION = 1
JOIN_RECIPE_VERSION = 1

LEAD_IN_MS = 250
"""Silence before the first take. A picture needs some frames to be read before the first word, and players and
wireless headphones swallow the first 100 to 200 ms of a stream (judgement, not measured)."""

EDGE_MARGIN_MS = 40
"""What is left of the silence at a take's head and tail: a soft "f" or "h" begins below the threshold."""

FADE_MS = 8
"""At both edges of every take. A hard cut from sound to digital silence clicks in 13 to 62 % of cases, a fade of 2 ms
or more in none (measured on synthetic speech); 5 to 10 ms are usual, and a take's silent margin makes it inaudible."""

SHORTEST_TAKE_MS = 80
"""Shorter than the shortest word anyone says: a slip of the recorder, or an empty file with a header."""

SIDES: tuple[Side, ...] = ("left", "right")

ALL_SCENES = "*"
"""The scene id of a take that is all scenes; no scene can have it."""

_SILENCE_POWER = (32_768 * 10 ** (-66 / 20)) ** 2  # below this nothing is heard: 16 LSB
_QUIETER_THAN_SPEECH = 10 ** (-35 / 10)  # initial fricatives are up to 30 dB below vowels
_ABOVE_THE_FLOOR = 10 ** (9 / 10)  # what 10 ms of steady noise may rise over its quietest 50 ms
_WINDOW_MS = 10
_RECORD_AGAIN = "Record it again, louder or nearer to the microphone."
_FLOOR_WINDOW_MS = 50


# --- What is asked of the voice ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AskedTake:
    """A take before it is spoken: the voice's line, and the silence that the house puts around it."""

    scene_id: str
    text: str
    line: Line
    lead_ms: int
    """The pause at the narration's head, which belongs to the take."""
    tail_ms: int
    pause_after_ms: int
    holds_all_scenes: bool = False
    """True for one recording of the whole script: its own timing is the master clock, so nothing is trimmed."""


def asked_takes(submitted: SubmittedProject) -> tuple[AskedTake, ...]:
    """One take for each scene, or a single one where one recording holds all."""
    project = submitted.project
    narrations = [parse_narration(scene.narration) for scene in project.scenes]
    if project.voice.file is not None:
        parts = tuple(part for narration in narrations for part in narration.parts)
        line = Line(None, Narration(parts), submitted.source(project.voice.file))
        text = "\n".join(narration.text for narration in narrations)
        return (AskedTake(ALL_SCENES, text, line, 0, 0, project.outro_ms, holds_all_scenes=True),)
    *takes, last = (
        _asked_take(submitted, scene, narration) for scene, narration in zip(project.scenes, narrations, strict=True)
    )
    return (*takes, replace(last, pause_after_ms=last.pause_after_ms + project.outro_ms))


def _asked_take(submitted: SubmittedProject, scene: Scene, narration: Narration) -> AskedTake:
    if scene.recording is not None:
        line = Line(scene.id, narration, submitted.source(scene.recording))
        return AskedTake(scene.id, narration.text, line, 0, 0, scene.pause_after_ms)
    lead_ms, spoken, tail_ms = without_edge_pauses(narration)
    return AskedTake(scene.id, narration.text, Line(scene.id, spoken), lead_ms, tail_ms, scene.pause_after_ms)


# --- The sound of one take ---------------------------------------------------------------------------------------


def decode_arguments(source: str, target: str, longest_ms: int, *, side: Side | None = None) -> tuple[str, ...]:
    """ffmpeg's arguments that turn any sound into 48 kHz mono 16 bit PCM, cut off after `longest_ms`.

    All its channels are summed, or one `side` of two is taken.

    The filter of 64 taps keeps images of 22.05 kHz speech 95 dB down up to 9.5 kHz (ffmpeg's default: 45 dB); its
    delay is taken out, so that sample positions scale exactly (both measured on ffmpeg 5.1.9).
    """
    mono = "aformat=sample_fmts=fltp:channel_layouts=mono"
    if side is not None:
        mono = f"aformat=sample_fmts=fltp:channel_layouts=stereo,pan=mono|c0=c{SIDES.index(side)}"
    resampled = f"{mono},aresample={SAMPLE_RATE}:filter_size=64:cutoff=0.97"
    return (
        *("-v", "error", "-i", source, "-map", "0:a:0", "-t", f"{longest_ms}ms", "-af", resampled),
        *("-c:a", "pcm_s16le", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
        *("-f", "wav", target),
    )


def audible_span(powers: NDArray[np.float64]) -> Span | None:
    """From the first to the last sound, in milliseconds, given the mean square of the samples of each millisecond.

    A sound is what rises above the take's own noise floor, but never less than 35 dB below its loud parts: where
    the noise is louder than that, nothing is called silence rather than speech be cut. None where all is silent.

    noise ....,,.. speech ||||.|||||..|||| noise ....,...
    answer         [                     )
    """
    if powers.size == 0:
        return None
    smoothed = np.convolve(powers, np.full(_WINDOW_MS, 1 / _WINDOW_MS), mode="same")[: powers.size]
    heard = smoothed[smoothed > _SILENCE_POWER]
    if heard.size == 0:
        return None
    loud = float(np.percentile(heard, 95))
    floor_window = min(_FLOOR_WINDOW_MS, powers.size)
    floor = float(np.convolve(powers, np.full(floor_window, 1 / floor_window), mode="valid").min())
    threshold = max(_SILENCE_POWER, min(floor * _ABOVE_THE_FLOOR, loud * _QUIETER_THAN_SPEECH))
    sounding = np.flatnonzero(smoothed > threshold)
    return Span(int(sounding[0]), int(sounding[-1]) + 1)


@dataclass(frozen=True)
class TakeCut:
    """How decoded sound becomes a take.

    take   [ lead )[ source_span, its edges faded )[ tail )
    """

    lead_ms: int
    source_span: Span
    """In the decoded sound's own time."""
    tail_ms: int

    @property
    def take_ms(self) -> int:
        """The take's length in milliseconds."""
        return self.lead_ms + self.source_span.length + self.tail_ms

    def in_take(self, source_span: Span) -> Span:
        """A span of the decoded sound in the take's own time, cut to what the take holds of it."""
        held = self.source_span
        start, end = (min(max(at, held.start), held.end) for at in (source_span.start, source_span.end))
        return Span(start, end).shifted(self.lead_ms - held.start)


def cut_take(asked: AskedTake, powers: NDArray[np.float64], longest_ms: int) -> TakeCut:
    """How the decoded sound of a take is cut, given its powers by the millisecond. Raises `Unrecoverable`."""
    recorded = asked.line.recording is not None
    audible = audible_span(powers)
    if audible is None or audible.length < SHORTEST_TAKE_MS:
        heard = "is silent" if audible is None else f"holds {audible.length} ms of sound"
        raise Unrecoverable(
            f"The recording {heard}." if recorded else "The voice said nothing.",
            remedy=_RECORD_AGAIN if recorded else "Write words that the voice can speak.",
            scene_id=asked.line.scene_id,
        )
    if powers.size > longest_ms:
        what = "recording" if recorded else "narration"
        raise Unrecoverable(
            f"The {what} is too long: at most {longest_ms // 60_000} min are allowed.",
            remedy="Split the project." if asked.line.scene_id is None else "Split the scene.",
            scene_id=asked.line.scene_id,
        )
    span = Span(0, powers.size)
    if not asked.holds_all_scenes:
        span = Span(max(0, audible.start - EDGE_MARGIN_MS), min(powers.size, audible.end + EDGE_MARGIN_MS))
    return TakeCut(asked.lead_ms, span, asked.tail_ms)


def report_words(words: Sequence[SpokenWord], cut: TakeCut) -> tuple[ReportedWord, ...]:
    """The voice's words in the take's own time; none where one of them lies outside the sound that was kept."""
    reported = tuple(
        ReportedWord(text=word.text, take_span=cut.in_take(word.take_span), confidence=word.confidence)
        for word in words
    )
    return reported if all(word.take_span.length > 0 for word in reported) else ()


# --- The takes on the master clock -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layout:
    """Where each take lies on the master clock, and the voiceover's length. All starts and the end are on frames."""

    spans: tuple[Span, ...]
    length_ms: int

    @property
    def silences_ms(self) -> tuple[int, ...]:
        """The silence before each take, and after the last one."""
        ends = (0, *(span.end for span in self.spans))
        starts = (*(span.start for span in self.spans), self.length_ms)
        return tuple(start - end for end, start in zip(ends, starts, strict=True))


def lay_out(asked: Sequence[AskedTake], take_lengths_ms: Sequence[int], grid: FrameGrid) -> Layout:
    """The layout of a project's takes."""
    if asked[0].holds_all_scenes:
        return lay_whole_recording(take_lengths_ms[0], asked[0].pause_after_ms, grid)
    pauses_ms = [one.pause_after_ms for one in asked]
    return lay_takes(list(zip(take_lengths_ms, pauses_ms, strict=True)), grid)


def lay_takes(take_lengths: Sequence[tuple[int, int]], grid: FrameGrid) -> Layout:
    """Takes in order, given as (length, pause after) in milliseconds, each starting on a frame.

    The frames from one start to the next depend on that take alone, so a changed take moves the others but changes
    no other's count:

    frames   |....|....|....|....|....|....|....|....|....|
    takes         [ take, pause   )    [ take  , pause)
             lead                 ^^^^^                ^^^ up to the next frame
    """
    frame = grid.frame_on_or_after(LEAD_IN_MS)
    spans: list[Span] = []
    for take_ms, pause_ms in take_lengths:
        spans.append(Span(grid.ms_at(frame), grid.ms_at(frame) + take_ms))
        frame += frames_to_hold(take_ms + pause_ms, grid)
    return Layout(tuple(spans), grid.ms_at(frame))


def frames_to_hold(length_ms: int, grid: FrameGrid) -> int:
    """The fewest frames that hold `length_ms` wherever they lie on the grid.

    Between two frame boundaries, each rounded to whole milliseconds, there can be up to a millisecond less than
    between the boundaries themselves, unless a frame is whole milliseconds long.
    """
    rounding = 0 if grid.frame_ms.denominator == 1 else 1
    return -(-(length_ms + rounding) // grid.frame_ms)


def lay_whole_recording(take_ms: int, outro_ms: int, grid: FrameGrid) -> Layout:
    """One recording of all scenes: it starts the clock, and silence fills the outro and its last frame."""
    return Layout((Span(0, take_ms),), grid.ms_at(grid.frame_on_or_after(take_ms + outro_ms)))


# --- Keys and documents ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TakeKeys:
    """Where a take's sound and its report are in the store."""

    audio: str
    report: str


def take_keys(asked: AskedTake, determinants: Mapping[str, Determinant]) -> TakeKeys:
    """The keys of a take, given what determines the voice's part of it. The frame rate has no say in it."""

    def key(extension: str) -> str:
        return derived_key(
            "takes",
            extension,
            recipe_version=TAKE_RECIPE_VERSION,
            voice=determinants,
            lead_ms=asked.lead_ms,
            tail_ms=asked.tail_ms,
            holds_all_scenes=asked.holds_all_scenes,
        )

    return TakeKeys(key("wav"), key("json"))


def recording_key(asked: Sequence[AskedTake], keys: Sequence[TakeKeys], fps: Fraction) -> str:
    """The key of the recording document, known before anything is spoken."""
    takes: list[Determinant] = [
        {"scene": take.scene_id, "text": take.text, "pause_after_ms": take.pause_after_ms, "report": key.report}
        for take, key in zip(asked, keys, strict=True)
    ]
    return derived_key("recordings", "json", recipe_version=JOIN_RECIPE_VERSION, takes=takes, fps=fps)


def voiceover_key(reports: Sequence[TakeReport], layout: Layout) -> str:
    """The key of the joined file: the takes' bytes and where they lie."""
    takes: list[Determinant] = [
        {"digest": report.audio.digest, "start_ms": span.start}
        for report, span in zip(reports, layout.spans, strict=True)
    ]
    return derived_key("voiceovers", "wav", recipe_version=JOIN_RECIPE_VERSION, takes=takes, length_ms=layout.length_ms)


def report_opposed(opposed: OpposedSides | None, cut: TakeCut) -> tuple[Span, ...]:
    """Where the sides are opposed in the take's own time."""
    spans = () if opposed is None else (cut.in_take(span) for span in opposed.source_spans)
    return tuple(span for span in spans if span.length)


def describe_recording(
    asked: Sequence[AskedTake], reports: Sequence[TakeReport], layout: Layout, voiceover: Asset, engine: str
) -> Recording:
    """The recording document: the takes and their reported words on the master clock."""
    takes = tuple(
        Take(
            scene_id=one.scene_id,
            text=one.text,
            span=span,
            reported_words=tuple(
                Word(
                    text=word.text,
                    span=word.take_span.shifted(span.start),
                    confidence=word.confidence,
                    source=engine,
                )
                for word in report.words
            ),
        )
        for one, report, span in zip(asked, reports, layout.spans, strict=True)
    )
    return Recording(
        voiceover=voiceover,
        length_ms=layout.length_ms,
        takes=takes,
        take_boundaries_known=not any(one.holds_all_scenes for one in asked),
        engine=engine,
        opposed=tuple(
            OpposedStretch(span=stretch.shifted(span.start), kept=report.kept_side)
            for report, span in zip(reports, layout.spans, strict=True)
            if report.kept_side is not None
            for stretch in report.opposed_take_spans
        ),
    )
