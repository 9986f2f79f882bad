"""Runs the clip fitter's handler on real files: what the tests of the clip fitter share."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.settings import Settings
from shared.events import SceneFitted, ScenePlanned, SceneSounded
from shared.project import Clip, Encoder, EncoderPreset, Fit, Output
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid, Span


def output(*, width: int = 128, height: int = 72, fps: str = "24", loudness: int = -14) -> Output:
    """A small output that is encoded fast and well enough to read numbers from."""
    encoder = Encoder(preset=EncoderPreset.VERYFAST, crf=12)
    return Output(width=width, height=height, fps=Fraction(fps), encoder=encoder, loudness=loudness)


@dataclass
class Bench:
    """A clip fitter on a bench: a store in memory, and a folder that stays so that segments can be looked at."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    settings: Settings = field(default_factory=Settings)
    percents: list[int] = field(default_factory=list)
    sounded: SceneSounded | None = None
    """What was last said of a scene's sound."""

    async def fit(
        self,
        clip: Path,
        frames: int,
        *others: Path,
        to: Output | None = None,
        fit: Fit | None = None,
        footage: Sequence[Clip] = (),
    ) -> tuple[SceneFitted, Path]:
        """Fit `clip`, followed by `others`, into a window of `frames`; the answer and the segment's file."""
        to = to or output()
        assets = [await self.store.put_file(one, f"sources/{one.name.lower()}", "video/mp4") for one in (clip, *others)]
        event = ScenePlanned(
            project_id="lighthouse",
            scene_number=1,
            scene_id="harbour",
            window=Span(0, FrameGrid(to.fps).ms_at(frames)),
            frame_count=frames,
            clips=tuple(assets),
            output=to,
            fit=fit or Fit(),
            footage=tuple(footage),
        )
        scratch = self.folder / f"scratch-{len(list(self.folder.glob('scratch-*')))}"
        scratch.mkdir()
        step = RecordedStep(scratch)
        models = read_models(await asyncio.to_thread(self.settings.video_models_file.read_text))
        answer, *said = await Handlers(self.store, self.settings, threads=1, models=models).fit_scene(event, step)
        self.sounded = said[0] if said else None
        self.percents = step.percents
        segment = scratch / "from-store.mp4"
        await self.store.fetch(answer.segment, segment)
        return answer, segment
