"""A transition is made of the frames that both scenes would show: pixels say so, inside it and at both of its ends."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.settings import Settings
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import NextScene, SceneFitted, ScenePlanned
from shared.media_makers import H264, decode_grey, make_colour_clip, make_numbered_clip, read_numbers
from shared.project import Fit
from shared.project_output import TransitionKind
from shared.testing import RecordedStep
from shared.timeline import FrameGrid, Span
from tests.integration.clip_fitting import Bench, output

pytestmark = pytest.mark.integration

HALF = 6

Frames = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One of the two scenes: its clip, the frames of its window and how it is filled."""

    clip: Path
    frames: int
    fit: Fit = field(default_factory=Fit)


@dataclass
class Pair:
    """Two scenes with a transition between them, on a bench."""

    bench: Bench
    before: Side
    after: Side
    kind: TransitionKind = "dissolve"
    after_next: int = 0
    """The half of a further transition behind the second scene."""

    async def first(self) -> tuple[SceneFitted, Path, Path]:
        """The first scene's answer, its body and the transition."""
        asset, following = await self._assets()
        event = self._event(1, self.before, asset).model_copy(
            update={
                "handle_after": HALF,
                "next_scene": NextScene(
                    scene_id="lamp",
                    frame_count=self.after.frames,
                    handle_after=self.after_next,
                    clips=(following,),
                    fit=self.after.fit,
                    transition=self.kind,
                ),
            }
        )
        answer = await self._fitted(event)
        assert answer.transition is not None
        return answer, await self._file(answer.segment), await self._file(answer.transition)

    async def second(self) -> Path:
        """The second scene's body."""
        _, asset = await self._assets()
        event = self._event(2, self.after, asset)
        event = event.model_copy(update={"handle_before": HALF, "handle_after": self.after_next})
        if self.after_next:
            event = event.model_copy(update={"next_scene": await self._anything_next(asset)})
        return await self._file((await self._fitted(event)).segment)

    async def wholes(self) -> tuple[Path, Path]:
        """Both scenes fitted over their handles without any transition: what a viewer would see of each."""
        paths = []
        for side, more in ((self.before, HALF), (self.after, HALF + self.after_next)):
            _, path = await self.bench.fit(side.clip, side.frames + more, fit=side.fit)
            paths.append(path)
        return paths[0], paths[1]

    async def _anything_next(self, asset: Asset) -> NextScene:
        return NextScene(scene_id="storm", frame_count=40, clips=(asset,), fit=Fit(), transition="fade")

    async def _assets(self) -> tuple[Asset, Asset]:
        return await self._stored(self.before), await self._stored(self.after)

    async def _stored(self, side: Side) -> Asset:
        return await self.bench.store.put_file(side.clip, f"sources/{side.clip.name}", "video/mp4")

    def _event(self, number: int, side: Side, asset: Asset) -> ScenePlanned:
        to = output()
        return ScenePlanned(
            project_id="lighthouse",
            scene_number=number,
            scene_id="harbour" if number == 1 else "lamp",
            window=Span(0, FrameGrid(to.fps).ms_at(side.frames)),
            frame_count=side.frames,
            clips=(asset,),
            output=to,
            fit=side.fit,
        )

    async def _fitted(self, event: ScenePlanned) -> SceneFitted:
        scratch = self.bench.folder / f"transition-{len(list(self.bench.folder.glob('transition-*')))}"
        scratch.mkdir()
        settings = Settings()
        models = read_models(await asyncio.to_thread(settings.video_models_file.read_text))
        handlers = Handlers(self.bench.store, settings, threads=1, models=models)
        return (await handlers.fit_scene(event, RecordedStep(scratch)))[0]

    async def _file(self, asset: Asset) -> Path:
        path = self.bench.folder / f"{asset.key.replace('/', '-')}"
        await self.bench.store.fetch(asset, path)
        return path


def plain_clip(path: Path, level: int) -> Path:
    filters = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
    return make_colour_clip(path, (level, level, level), frames=48, filters=filters, encoding=H264)


def pixels(path: Path) -> Frames:
    return decode_grey(path).astype(np.float64)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_numbered_clip(tmp_path / "clip.mp4", frames=48)


@pytest.fixture
def white(tmp_path: Path) -> Path:
    return plain_clip(tmp_path / "white.mp4", 255)


WAYS = {
    "trimmed": (30, Fit()),
    "slowed": (46, Fit()),
    "held": (70, Fit(fill="hold")),
    "run back": (90, Fit(fill="boomerang")),
    "looped": (110, Fit(fill="loop")),
}


@pytest.mark.parametrize(
    ("before", "after"),
    [("trimmed", "run back"), ("slowed", "held"), ("held", "slowed"), ("run back", "trimmed"), ("looped", "looped")],
)
async def test_the_picture_runs_on_from_the_body_into_the_dissolve_and_out_of_it(
    bench: Bench, clip: Path, before: str, after: str
) -> None:
    pair = Pair(bench, Side(clip, *WAYS[before]), Side(clip, *WAYS[after]))
    _, body, transition = await pair.first()
    next_body = await pair.second()
    whole, next_whole = await pair.wholes()
    frames = pair.before.frames
    assert len(pixels(body)) == frames - HALF
    assert read_numbers(body) == read_numbers(whole)[: frames - HALF]
    assert read_numbers(next_body) == read_numbers(next_whole)[2 * HALF :]
    leaving, coming = pixels(whole)[frames - HALF :], pixels(next_whole)[: 2 * HALF]
    shown = pixels(transition)
    assert len(shown) == len(leaving) == 2 * HALF
    for number, frame in enumerate(shown):
        share = number / (2 * HALF)
        expected = (1 - share) * leaving[number] + share * coming[number]
        assert np.abs(frame - expected).mean() < 4, f"frame {number} of the dissolve"


async def test_a_scene_between_two_transitions_keeps_what_neither_covers(bench: Bench, clip: Path) -> None:
    pair = Pair(bench, Side(clip, 30), Side(clip, 36), after_next=4)
    body = await pair.second()
    _, whole = await pair.wholes()
    assert read_numbers(body) == read_numbers(whole)[2 * HALF : 36 + HALF - 4]


async def test_a_fade_is_dark_at_the_cut_and_bright_at_both_ends(bench: Bench, white: Path) -> None:
    _, _, transition = await Pair(bench, Side(white, 30), Side(white, 30), kind="fade").first()
    levels = [float(frame.mean()) for frame in pixels(transition)]
    assert len(levels) == 2 * HALF
    assert levels[HALF] < 20
    assert levels[: HALF + 1] == sorted(levels[: HALF + 1], reverse=True)
    assert levels[HALF:] == sorted(levels[HALF:])
    assert levels[0] > 190
    assert levels[-1] > 150


async def test_a_wipe_uncovers_the_next_scene_from_the_left(bench: Bench, tmp_path: Path, white: Path) -> None:
    black = plain_clip(tmp_path / "black.mp4", 0)
    _, _, transition = await Pair(bench, Side(black, 30), Side(white, 30), kind="wipe").first()
    shown = pixels(transition)
    for number, frame in enumerate(shown):
        edge = round(number / (2 * HALF) * frame.shape[1])
        assert frame[:, : max(0, edge - 4)].size == 0 or frame[:, : max(0, edge - 4)].min() > 200
        assert frame[:, edge + 4 :].max() < 50


async def test_what_is_in_the_store_is_not_made_again_and_another_kind_keeps_both_bodies(
    bench: Bench, clip: Path
) -> None:
    pair = Pair(bench, Side(clip, 30), Side(clip, 36))
    first, _, _ = await pair.first()
    again, _, _ = await pair.first()
    assert (first.from_store, again.from_store) == (False, True)
    assert (again.segment, again.transition, again.fit) == (first.segment, first.transition, first.fit)
    assert first.fit == "trimmed to 1.50 s of 2.00 s; 12 frames of dissolve"
    faded, _, _ = await Pair(bench, pair.before, pair.after, kind="fade").first()
    assert faded.segment == first.segment
    assert faded.transition != first.transition


async def test_a_next_scene_without_enough_footage_is_named(bench: Bench, tmp_path: Path, clip: Path) -> None:
    short = make_numbered_clip(tmp_path / "short.mp4", frames=6)
    with pytest.raises(Unrecoverable) as caught:
        await Pair(bench, Side(clip, 30), Side(short, 90)).first()
    assert caught.value.scene_id == "lamp"
