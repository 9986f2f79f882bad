"""What Lockstep says of recordings with and without a planted mistake: part of `benchmarks/word_timing.py`."""

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydantic import TypeAdapter

from benchmarks.sentences import FAMILIAR, FRESH
from benchmarks.spoken_recordings import MISTAKES, Mistake, Spoken, record
from services.scene_planner.core import plan_scenes
from services.scene_planner.sound_file import measure_sound
from services.transcriber.aligner import align_passage, find_pronunciations
from services.transcriber.core import assemble_transcript, passages_of
from shared.errors import Unrecoverable
from shared.plan import ScenePlan
from shared.spoken_forms import script_tokens
from shared.timeline import FrameGrid
from shared.transcript import Transcript

RATES = (Fraction(24), Fraction(25), Fraction(30_000, 1001), Fraction(60))

ALARMS = {
    "second_opinion",
    "words_missing",
    "sentence_skipped",
    "sentence_repeated",
    "unscripted_speech",
    "wrong_order",
}
LEAST_OVERLAP = 0.5
"""Of a sentence that the script does not have, by the speech that is named."""


@dataclass(frozen=True)
class Verdict:
    """What Lockstep says of a recording."""

    plan: ScenePlan | None
    refusal: Unrecoverable | None
    transcript: Transcript | None

    @property
    def accused(self) -> set[str | None]:
        """The scenes that an error or a warning names: that something is not as it is written."""
        if self.refusal is not None:
            return {self.refusal.scene_id}
        assert self.plan is not None
        return {warning.scene_id for warning in self.plan.warnings if warning.kind in ALARMS}


@dataclass(frozen=True)
class Judgement:
    """What is counted of one recording."""

    mistake: Mistake
    recording: str
    """Its seed and number."""
    found: bool
    stopped: bool
    named: bool
    cuts_inside: tuple[bool, ...]
    explanation: str
    """Of a recording of which not all was found, or too much."""


def measure_recordings(count: int, seed: str, processes: int, keep: Path | None) -> None:
    """Cuts in correct recordings, and what is said of incorrect ones."""
    print(f"\n{count} recordings of four scenes of each kind, all voices, silent to noisy")
    known = _kept(keep)
    wanted = [(mistake, f"{seed} {number}") for mistake in MISTAKES for number in range(count)]
    missing = [one for one in wanted if one not in known]
    with ProcessPoolExecutor(max_workers=processes) as pool:
        for done in as_completed([pool.submit(judge_recording, *one) for one in missing]):
            judgement = done.result()
            known[judgement.mistake, judgement.recording] = judgement
            if keep is not None:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(_JUDGEMENT.dump_json(judgement).decode() + "\n")
            if judgement.explanation:
                print(judgement.explanation, flush=True)
    print(f"{'mistake':12}{'found':>8}{'stopped':>9}{'named':>12}{'cuts in the true gap':>24}")
    for mistake in MISTAKES:
        _print_row(mistake, [known[one] for one in wanted if one[0] == mistake])


_JUDGEMENT = TypeAdapter(Judgement)


def _kept(keep: Path | None) -> dict[tuple[Mistake, str], Judgement]:
    lines = keep.read_text(encoding="utf-8").splitlines() if keep is not None and keep.exists() else []
    judgements = [_JUDGEMENT.validate_json(line) for line in lines]
    return {(one.mistake, one.recording): one for one in judgements}


def _print_row(mistake: Mistake, judgements: Sequence[Judgement]) -> None:
    cuts = [inside for one in judgements for inside in one.cuts_inside]
    named = f"{sum(one.named for one in judgements)} of {len(judgements)}" if mistake != "none" else "-"
    found, stopped = sum(one.found for one in judgements), sum(one.stopped for one in judgements)
    print(
        f"{mistake:12}{found:8}{stopped:9}{named:>12}{f'{sum(cuts)} of {len(cuts)}' if cuts else '-':>24}", flush=True
    )


def judge_recording(mistake: Mistake, recording: str) -> Judgement:
    """Make one recording, listen to it, plan, and compare with what is true of it."""
    rate = RATES[int(recording.rsplit(maxsplit=1)[-1]) % len(RATES)]
    with tempfile.TemporaryDirectory() as folder:
        spoken = record(mistake, recording, FAMILIAR + FRESH, Path(folder) / "voiceover.wav")
        verdict = judge(spoken, rate)
    return Judgement(
        mistake,
        recording,
        found=bool(verdict.accused),
        stopped=verdict.refusal is not None,
        named=is_named(spoken, verdict),
        cuts_inside=tuple(cuts_inside(spoken, verdict.plan)) if mistake == "none" else (),
        explanation="\n".join(_explain(recording, spoken, verdict)),
    )


def judge(spoken: Spoken, fps: Fraction) -> Verdict:
    """Listen and plan, as the two services do."""
    passages = passages_of(spoken.recording, spoken.scene_texts)
    pronunciations = find_pronunciations(passages[0].tokens)
    heard = [align_passage(spoken.voiceover, passage, pronunciations) for passage in passages]
    transcript: Transcript | None = None
    try:
        transcript = assemble_transcript(spoken.recording, passages, heard, "pocketsphinx")
        sound = measure_sound(spoken.voiceover, lambda _: None)
        plan = plan_scenes(spoken.scene_scripts, spoken.recording, transcript, fps, sound)
    except Unrecoverable as refusal:
        return Verdict(None, refusal, transcript)
    return Verdict(plan, None, transcript)


def is_named(spoken: Spoken, verdict: Verdict) -> bool:
    """True where a scene that differs is named, and what is named of it lies on the planted mistake.

    For words that are not there these are most of them; for words that are too many, most of their time.
    """
    if not verdict.accused & spoken.scenes_at_fault or verdict.transcript is None:
        return False
    issues = [issue for issue in verdict.transcript.issues if issue.scene_id in spoken.scenes_at_fault]
    missing = {word for issue in issues for word in issue.words}
    spans = [issue.span for issue in issues if issue.kind == "unscripted_speech" and issue.span is not None]
    lost = [len(missing & set(words)) / len(words) for text in spoken.lost if (words := script_tokens(text))]
    extra = [
        sum(max(0, min(span.end, end) - max(span.start, start)) for span in spans) / (end - start)
        for start, end in (spoken.said[place].speech for place in spoken.added)
    ]
    return max([*lost, *extra], default=0) >= LEAST_OVERLAP


def cuts_inside(spoken: Spoken, plan: ScenePlan | None) -> list[bool]:
    """For each cut whether the frame that it falls on begins in the true gap; none of them where no plan was made."""
    answers = []
    for place in range(len(spoken.script) - 1):
        start, end = spoken.true_gap(place)
        if plan is None:
            answers.append(False)
            continue
        window = plan.scenes[place].window
        grid = FrameGrid(plan.fps)
        answers.append(start <= grid.frame_at(window.end) * grid.frame_ms <= end and start <= window.end <= end)
    return answers


def _explain(recording: str, spoken: Spoken, verdict: Verdict) -> Iterator[str]:
    if is_named(spoken, verdict) if spoken.mistake != "none" else not verdict.accused:
        return
    issues = verdict.transcript.issues if verdict.transcript else ()
    said = [f"{issue.kind} {issue.scene_id} {' '.join(issue.words)} {issue.span}" for issue in issues]
    at_fault = ", ".join(sorted(spoken.scenes_at_fault))
    yield f"  {spoken.mistake} {recording}, {spoken.speaker}, at fault: {at_fault or 'none'}; lost: {spoken.lost}"
    yield f"    {verdict.refusal or sorted(map(str, verdict.accused))}; {'; '.join(said) or 'no issues'}"
