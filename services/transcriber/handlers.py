"""A recorded voiceover becomes its words, each with its span on the master clock."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.transcriber.core import SceneText, assemble_transcript, passages_of
from services.transcriber.engine import WordEngine
from services.transcriber.listening import measure_sounds
from services.transcriber.passage import Heard, Passage
from services.transcriber.reporter import Inquiry, WordReporter
from services.transcriber.reports import assemble_reported
from services.transcriber.voiceover_file import sound_digest
from shared.assets import Asset, derived_key
from shared.events import VoiceoverRecorded, WordsTimed
from shared.narration import parse_narration
from shared.project import SubmittedProject, Words
from shared.service import Step
from shared.store import AssetStore
from shared.transcript import Document, Recording, Transcript

TRANSCRIPT_RECIPE_VERSION = 1
"""Goes up whenever the same engine's answers would become another transcript than before."""


class HeardPassage(Document):
    """What an engine heard in one passage, as it is kept in the store."""

    heard: Heard


@dataclass(frozen=True)
class Handlers:
    """What the transcriber does with each event."""

    store: AssetStore
    engines: Mapping[str, WordEngine]
    reporters: Mapping[str, WordReporter] = field(default_factory=dict)
    """Engines that tell words in their own spelling."""

    async def time_words(self, event: VoiceoverRecorded, step: Step) -> WordsTimed:
        """Give every word of the voiceover its span."""
        submitted = await self.store.get_document(event.project, SubmittedProject)
        words = submitted.project.words
        reporter = self.reporters.get(words.engine)
        scenes = scene_texts(submitted)
        key = derived_key(
            "transcripts",
            "json",
            recipe_version=TRANSCRIPT_RECIPE_VERSION,
            recording=event.recording.digest,
            script=[[scene.scene_id, scene.text] for scene in scenes],
            engine=reporter.version(words) if reporter else self.engines[words.engine].version,
        )
        asset = await self.store.find(key)
        if asset is not None:
            return _words_timed(event, await self.store.get_document(asset, Transcript), asset, from_store=True)
        recording = await self.store.get_document(event.recording, Recording)
        voiceover = step.scratch / "voiceover.wav"
        await self.store.fetch(recording.voiceover, voiceover)
        passages = passages_of(recording, scenes)
        if reporter is not None:
            transcript = await _ask(reporter, recording, passages, voiceover, words, step)
        else:
            engine = self.engines[words.engine]
            heard = await _Listening(self.store, engine, voiceover, passages, step).listen()
            transcript = assemble_transcript(recording, passages, heard, engine.name)
        return _words_timed(event, transcript, await self.store.put_document(transcript, key), from_store=False)


async def _ask(
    reporter: WordReporter,
    recording: Recording,
    passages: Sequence[Passage],
    voiceover: Path,
    words: Words,
    step: Step,
) -> Transcript:
    """The transcript of what an engine tells in its own spelling."""
    total_ms = max(1, sum(passage.span.length for passage in passages))
    inquiry = Inquiry(
        recording,
        passages,
        voiceover,
        words,
        step.scratch,
        lambda heard_ms: step.report_progress(100 * heard_ms // total_ms),
    )
    reports = await reporter.report(inquiry)
    sounds = await asyncio.to_thread(measure_sounds, voiceover, passages)
    return assemble_reported(recording, passages, reports, sounds, reporter.name)


@dataclass
class _Listening:
    """One recording being listened to: what was heard before is taken from the store, passage by passage."""

    store: AssetStore
    engine: WordEngine
    voiceover: Path
    passages: Sequence[Passage]
    step: Step
    _known: dict[int, Heard] = field(default_factory=dict)

    async def listen(self) -> list[Heard]:
        keys = await asyncio.to_thread(self._keys)
        for index, key in enumerate(keys):
            asset = await self.store.find(key)
            if asset is not None:
                self._known[index] = (await self.store.get_document(asset, HeardPassage)).heard
        unheard = [index for index in range(len(self.passages)) if index not in self._known]
        if unheard:
            asked = [self.passages[index] for index in unheard]
            total_ms = sum(passage.span.length for passage in asked)
            answers = await self.engine.listen(
                self.voiceover, asked, lambda heard_ms: self.step.report_progress(100 * heard_ms // max(1, total_ms))
            )
            for index, heard in zip(unheard, answers, strict=True):
                await self.store.put_document(HeardPassage(heard=heard), keys[index])
                self._known[index] = heard
        return [self._known[index] for index in range(len(self.passages))]

    def _keys(self) -> list[str]:
        # Not where the passage lies on the clock but how it sounds: a changed sentence elsewhere moves it, no more.
        return [
            derived_key(
                "alignments",
                "json",
                recipe_version=1,
                engine=self.engine.version,
                sound=sound_digest(self.voiceover, passage.span),
                tokens=list(passage.tokens),
                scene_starts=list(passage.scene_starts),
            )
            for passage in self.passages
        ]


def scene_texts(submitted: SubmittedProject) -> tuple[SceneText, ...]:
    """What each scene says, markup removed."""
    return tuple(SceneText(scene.id, parse_narration(scene.narration).text) for scene in submitted.project.scenes)


def _words_timed(event: VoiceoverRecorded, transcript: Transcript, asset: Asset, *, from_store: bool) -> WordsTimed:
    return WordsTimed(
        project_id=event.project_id,
        project=event.project,
        recording=event.recording,
        transcript=asset,
        word_count=len(transcript.words),
        from_store=from_store,
    )
