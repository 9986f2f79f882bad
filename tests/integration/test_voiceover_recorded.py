"""The user's own recordings in many formats, decoded by the real ffmpeg and measured in the samples."""

import asyncio
import wave
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.voiceover.app import create_handlers
from services.voiceover.core import EDGE_MARGIN_MS
from services.voiceover.settings import Settings
from shared.assets import source_key
from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.ffmpeg import run_ffmpeg
from shared.project import Output, Project, Scene, SubmittedProject, Voice
from shared.store import file_digest
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid
from shared.transcript import Recording

pytestmark = pytest.mark.integration

FORMATS = {
    "stereo.wav": ("-ac", "2", "-ar", "44100"),
    "mono.mp3": ("-ac", "1", "-ar", "44100", "-b:a", "64k"),
    "phone.m4a": ("-ac", "1", "-ar", "22050", "-c:a", "aac"),
    "studio.flac": ("-ac", "2", "-ar", "96000", "-sample_fmt", "s32"),
    "chat.ogg": ("-ac", "1", "-ar", "48000", "-c:a", "libopus"),
}


async def make_recording(path: Path, *, head_ms: int, tone_ms: int, tail_ms: int, options: tuple[str, ...]) -> Path:
    """A 300 Hz tone between digital silence."""
    tone = f"sine=frequency=300:duration={tone_ms}ms:sample_rate=48000,volume=12dB"
    padded = f"{tone},adelay={head_ms}:all=1,apad=pad_dur={tail_ms}ms"
    await run_ffmpeg(["-v", "error", "-f", "lavfi", "-i", padded, *options, str(path)])
    return path


async def record(
    store: MemoryStore, scratch: Path, voice: Voice, scenes: tuple[Scene, ...], files: dict[str, Path], fps: int = 25
) -> tuple[VoiceoverRecorded, Recording]:
    sources = {}
    for name, path in files.items():
        digest = await asyncio.to_thread(file_digest, path)
        sources[name] = await store.put_file(path, source_key(digest, path.suffix), "application/octet-stream")
    wanted = Project(name="test", output=Output(fps=Fraction(fps)), voice=voice, scenes=scenes)
    document = await store.put_document(SubmittedProject(project=wanted, sources=sources), "projects/test.json")
    store.put_keys.clear()
    event = ProjectSubmitted(project_id="test", project=document, scene_count=len(scenes))
    answer = await create_handlers(store, Settings()).record_voiceover(event, RecordedStep(scratch))
    return answer, await store.get_document(answer.recording, Recording)


def scene(number: int, recording: str | None = None) -> Scene:
    return Scene(id=f"s{number}", narration=f"This is scene {number}.", clips=("clip.mp4",), recording=recording)


def samples_of(store: MemoryStore, recording: Recording) -> NDArray[np.int32]:
    with wave.open(BytesIO(store.objects[recording.voiceover.key][0])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.int32)


@pytest.mark.parametrize("name", FORMATS)
async def test_a_recording_of_each_scene_is_a_take_of_its_own(tmp_path: Path, name: str) -> None:
    made = {
        f"{number}-{name}": await make_recording(
            tmp_path / f"{number}-{name}", head_ms=800, tone_ms=500 * number, tail_ms=600, options=FORMATS[name]
        )
        for number in (1, 2)
    }
    store, grid = MemoryStore(), FrameGrid(Fraction(25))
    scenes = tuple(scene(number, file) for number, file in enumerate(made, start=1))
    _, recording = await record(store, tmp_path, Voice(engine="recorded"), scenes, made)
    samples = samples_of(store, recording)
    assert recording.take_boundaries_known
    assert recording.engine == "recorded"
    assert len(samples) == 48 * recording.length_ms
    for number, take in enumerate(recording.takes, start=1):
        assert take.text == f"This is scene {number}."
        assert take.reported_words == ()
        assert grid.snap(take.span.start) == take.span.start
        slack_ms = 10 if name.endswith((".wav", ".flac")) else 150  # lossy codecs ring before and after
        assert abs(take.span.length - (500 * number + 2 * EDGE_MARGIN_MS)) <= slack_ms
        middle = samples[(take.span.start + 200) * 48 : (take.span.start + 400) * 48]
        assert 10_000 < np.abs(middle).max() < 20_000
        assert pitch(middle) == pytest.approx(300, abs=10)
    assert not samples[recording.takes[0].span.end * 48 : recording.takes[1].span.start * 48].any()


@pytest.mark.parametrize("name", FORMATS)
async def test_one_recording_of_all_scenes_keeps_its_own_timing(tmp_path: Path, name: str) -> None:
    path = await make_recording(tmp_path / name, head_ms=801, tone_ms=1000, tail_ms=600, options=FORMATS[name])
    store = MemoryStore()
    voice = Voice(engine="recorded", file=name)
    answer, recording = await record(store, tmp_path, voice, (scene(1), scene(2)), {name: path})
    samples = samples_of(store, recording)
    (take,) = recording.takes
    assert not recording.take_boundaries_known
    assert take.text == "This is scene 1.\nThis is scene 2."
    assert take.span.start == 0
    assert abs(take.span.length - 2401) <= 60  # AAC and Opus end on a packet
    assert len(samples) == 48 * recording.length_ms == 48 * answer.length_ms
    assert 0 <= recording.length_ms - take.span.length < 40
    onset = int(np.flatnonzero(np.abs(samples) > 2000)[0]) / 48
    assert abs(onset - 801) <= 4


async def test_a_recording_is_decoded_once_even_if_the_script_changes(tmp_path: Path) -> None:
    path = await make_recording(tmp_path / "a.wav", head_ms=100, tone_ms=500, tail_ms=100, options=())
    store = MemoryStore()
    await record(store, tmp_path, Voice(engine="recorded"), (scene(1, "a.wav"),), {"a.wav": path})
    reworded = scene(1, "a.wav").model_copy(update={"narration": "This was scene one."})
    answer, recording = await record(store, tmp_path, Voice(engine="recorded"), (reworded,), {"a.wav": path})
    assert not answer.from_store
    assert [key.split("/")[0] for key in store.put_keys] == ["recordings"]
    assert recording.takes[0].text == "This was scene one."
    again, _ = await record(store, tmp_path, Voice(engine="recorded"), (reworded,), {"a.wav": path})
    assert again.from_store


async def test_one_channel_that_is_silent_leaves_the_voice(tmp_path: Path) -> None:
    options = ("-af", "pan=stereo|c0=c0|c1=0*c0")
    path = await make_recording(tmp_path / "a.wav", head_ms=100, tone_ms=500, tail_ms=100, options=options)
    _, recording = await record(
        store := MemoryStore(), tmp_path, Voice(engine="recorded"), (scene(1, "a.wav"),), {"a.wav": path}
    )
    assert np.abs(samples_of(store, recording)).max() > 5_000


async def refused(tmp_path: Path, path: Path) -> Unrecoverable:
    with pytest.raises(Unrecoverable) as failure:
        await record(MemoryStore(), tmp_path, Voice(engine="recorded"), (scene(1, path.name),), {path.name: path})
    assert failure.value.scene_id == "s1"
    assert str(tmp_path) not in str(failure.value)
    return failure.value


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "0 bytes"),
        (b"this is no sound at all\n" * 40, "cannot be read as sound"),
        (b"#EXTM3U\n#EXTINF:10,\nother.mp3\n#EXT-X-ENDLIST\n", "cannot be read as sound"),
        (b"ffconcat version 1.0\nfile other.mp3\n", "playlist"),
    ],
)
async def test_a_file_that_is_no_recording_is_refused_with_its_scene(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "voice.mp3"
    await asyncio.to_thread(path.write_bytes, content)
    assert sentence in (await refused(tmp_path, path)).reason


async def test_a_silent_recording_is_refused(tmp_path: Path) -> None:
    path = await make_recording(tmp_path / "a.wav", head_ms=0, tone_ms=900, tail_ms=100, options=("-af", "volume=0"))
    assert (await refused(tmp_path, path)).reason == "The recording is silent."


async def test_a_recording_of_a_blink_is_refused(tmp_path: Path) -> None:
    path = await make_recording(tmp_path / "a.wav", head_ms=500, tone_ms=30, tail_ms=500, options=())
    assert "of sound" in (await refused(tmp_path, path)).reason


async def test_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    await run_ffmpeg(["-v", "error", "-f", "lavfi", "-i", "color=size=64x36:duration=0.2", str(path)])
    assert (await refused(tmp_path, path)).reason == "The recording has no sound."


async def test_half_a_recording_is_refused(tmp_path: Path) -> None:
    path = await make_recording(tmp_path / "a.flac", head_ms=0, tone_ms=8000, tail_ms=0, options=())
    content = await asyncio.to_thread(path.read_bytes)
    await asyncio.to_thread(path.write_bytes, content[: len(content) // 2])
    assert "cut off" in (await refused(tmp_path, path)).reason


async def test_a_recording_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    options = ("-c:a", "aac", "-b:a", "16k")
    path = await make_recording(tmp_path / "a.m4a", head_ms=0, tone_ms=62_000, tail_ms=0, options=options)
    store = MemoryStore()
    digest = await asyncio.to_thread(file_digest, path)
    source = await store.put_file(path, source_key(digest, "m4a"), "audio/mp4")
    wanted = Project(name="test", voice=Voice(engine="recorded"), scenes=(scene(1, "a.m4a"),))
    document = await store.put_document(SubmittedProject(project=wanted, sources={"a.m4a": source}), "projects/t.json")
    event = ProjectSubmitted(project_id="test", project=document, scene_count=1)
    with pytest.raises(Unrecoverable, match="at most 1 min"):
        await create_handlers(store, Settings(longest_take_minutes=1)).record_voiceover(event, RecordedStep(tmp_path))


def pitch(samples: NDArray[np.int32]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    return float(np.fft.rfftfreq(samples.size, 1 / 48_000)[int(spectrum.argmax())])


async def make_opposed(path: Path, *, from_ms: int, right: float) -> Path:
    """Bursts of a 300 Hz tone, from `from_ms` on turned around on the right side and weighed by `right`."""
    at = np.arange(4 * 48_000) / 48_000
    bursts = 0.3 * np.sin(2 * np.pi * 300 * at) * (at % 0.5 < 0.35)
    sides = np.stack([bursts, np.where(at * 1000 >= from_ms, -right * bursts, bursts)], axis=1)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(48_000)
        sound.writeframes((sides * 32_767).astype("<i2").tobytes())
    return path


@pytest.mark.parametrize(("right", "kept"), [(1.0, "left"), (0.9, "left"), (1.2, "right")])
async def test_a_recording_whose_sides_cancel_each_other_is_heard_from_its_louder_side_and_told(
    tmp_path: Path, right: float, kept: str
) -> None:
    made = {"me.wav": await make_opposed(tmp_path / "me.wav", from_ms=0, right=right)}
    store = MemoryStore()
    _, recording = await record(store, tmp_path, Voice(engine="recorded"), (scene(1, "me.wav"),), made)
    (stretch,) = recording.opposed
    take = recording.takes[0].span
    assert stretch.kept == kept
    assert stretch.span.start == pytest.approx(take.start + EDGE_MARGIN_MS, abs=100)
    assert stretch.span.end == pytest.approx(take.end, abs=300)
    loudest = np.abs(samples_of(store, recording)).max() / 32_767
    assert loudest == pytest.approx(0.3 * max(1.0, right), abs=0.01), "one side, as loud as it was recorded"


async def test_sides_that_are_opposed_in_one_part_of_a_recording_are_told_there(tmp_path: Path) -> None:
    made = {"all.wav": await make_opposed(tmp_path / "all.wav", from_ms=2_000, right=1.0)}
    store, voice = MemoryStore(), Voice(engine="recorded", file="all.wav")
    _, recording = await record(store, tmp_path, voice, (scene(1), scene(2)), made)
    (stretch,) = recording.opposed
    assert stretch.span.start == pytest.approx(2_000, abs=100)
    samples = samples_of(store, recording)
    early, late = samples[:96_000].astype(float), samples[96_000:192_000].astype(float)
    assert np.abs(late).max() == pytest.approx(np.abs(early).max(), rel=0.02), "nothing is lost"


async def test_sides_that_go_together_are_summed_and_nothing_is_told(tmp_path: Path) -> None:
    made = {"me.wav": await make_opposed(tmp_path / "me.wav", from_ms=10_000, right=1.0)}
    _, recording = await record(MemoryStore(), tmp_path, Voice(engine="recorded"), (scene(1, "me.wav"),), made)
    assert recording.opposed == ()
