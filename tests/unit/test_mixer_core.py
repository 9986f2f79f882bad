"""The mixer's decisions: levels, targets, keys, refusals, and ffmpeg's arguments as values."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mixer import commands
from services.mixer.core import (
    FIRST_CEILING_DBFS,
    STEM_LUFS,
    Inputs,
    KeptSound,
    Levelling,
    Measured,
    awaited_sounds,
    corrected_levelling,
    level_voice,
    levelled_powers,
    read_measurement,
    require_exact_length,
    require_whole_kept_sound,
    require_whole_voiceover,
)
from services.mixer.limiting import cells_of, gain_to_target, limited_lufs
from services.mixer.loudness import Samples, integrated_lufs, mean_lufs, slice_powers, slices_in
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.plan import PlannedScene, ScenePlan
from shared.project import ClipSound, Music, Project, VoiceChain
from shared.timeline import SAMPLE_RATE, FrameGrid, Span
from shared.transcript import Recording, Take, Word


def asset(letter: str) -> Asset:
    return Asset(key=f"sources/{letter}.wav", digest=letter * 64, media_type="audio/wav", size=1)


def recording_of(*takes: Span) -> Recording:
    return Recording(
        voiceover=asset("a"),
        length_ms=takes[-1].end,
        takes=tuple(Take(scene_id=f"scene-{at}", text="la", span=span) for at, span in enumerate(takes)),
        take_boundaries_known=True,
        engine="made",
    )


def plan_of(*words: Span, scene_id: str = "only") -> ScenePlan:
    grid = FrameGrid(Fraction(25))
    window = Span(0, 10_000)
    scene = PlannedScene(
        number=1,
        scene_id=scene_id,
        window=window,
        first_frame=0,
        frame_count=grid.frame_count(window),
        speech=Span(words[0].start, words[-1].end),
        words=tuple(Word(text="la", span=span, confidence=1, source="made") for span in words),
        gap_after=Span(words[-1].end, window.end),
        cut_kind="end",
        confidence=1,
        clip_ms_to_ask_for=10_080,
    )
    return ScenePlan(length_ms=10_000, fps=Fraction(25), frame_count=250, scenes=(scene,))


def inputs(*words: Span, scene_id: str = "only", loudness: int = -14, music: Music | None = None) -> Inputs:
    return Inputs(
        recording=recording_of(Span(0, 10_000)),
        plan=plan_of(*words, scene_id=scene_id),
        voice_chain=VoiceChain(),
        beds=() if music is None else ((music, asset("b")),),
        sounds=(),
        loudness=loudness,
        stems=False,
    )


def sine(hertz: float, seconds: float, *, amplitude: float = 1.0, channels: int = 1) -> Samples:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = (amplitude * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
    return np.repeat(tone[:, np.newaxis], channels, axis=1)


def test_a_full_scale_sine_of_997_hertz_in_one_channel_has_minus_3_lufs() -> None:
    # BS.1770-4, annex 1: "a 0 dB FS 1 kHz (997 Hz to be exact) sine wave ... will equal -3.01 LKFS".
    assert integrated_lufs(slice_powers(sine(997, 5))) == pytest.approx(-3.01, abs=0.02)


def test_the_loudness_of_ebu_tech_3341_case_3_is_minus_23() -> None:
    # EBU Tech 3341, minimum requirements, test signal 3: quiet stretches of -36 dBFS around -23 are gated away.
    levels = [(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)]
    signal = np.concatenate([sine(1_000, s, amplitude=10 ** (level / 20), channels=2) for level, s in levels])
    assert integrated_lufs(slice_powers(signal)) == pytest.approx(-23.0, abs=0.1)


def test_silence_has_no_loudness() -> None:
    silence = np.zeros((96_000, 2), np.float32)
    assert integrated_lufs(slice_powers(silence)) is None
    assert mean_lufs(slice_powers(silence), slices_in((Span(0, 2_000),), 20)) is None
    assert integrated_lufs(np.zeros(0)) is None


def test_slices_belong_to_a_span_where_their_middle_does() -> None:
    assert list(np.flatnonzero(slices_in((Span(160, 360), Span(810, 820)), 10))) == [2, 3, 8]


@given(st.integers(-60, 0), st.integers(-60, 0))
def test_takes_of_any_level_come_out_at_the_stem_level_unless_they_are_far_apart(first: int, second: int) -> None:
    takes = (Span(0, 5_000), Span(5_000, 10_000))
    voice = np.concatenate([sine(997, 5, amplitude=10 ** (level / 20)) for level in (first, second)])
    powers = slice_powers(voice)
    levelled = levelled_powers(level_voice(takes, powers), powers)
    apart = abs((integrated_lufs(levelled[1:49]) or 0) - (integrated_lufs(levelled[51:99]) or 0))
    assert apart == pytest.approx(max(0, abs(first - second) - 20), abs=0.1)
    if abs(first - second) <= 20:
        assert integrated_lufs(levelled) == pytest.approx(STEM_LUFS, abs=0.1)


def test_a_silent_voiceover_is_refused() -> None:
    with pytest.raises(Unrecoverable, match="The voiceover is silent"):
        level_voice([Span(0, 1_000)], np.zeros(10))


def test_what_the_limiter_takes_is_made_up_for_beforehand() -> None:
    generator = np.random.default_rng(5)
    spiky = generator.laplace(scale=0.05, size=(480_000, 2)).astype(np.float32)
    powers, cells = slice_powers(spiky), cells_of(spiky)
    linear = -11 - (integrated_lufs(powers) or 0)
    assert (limited_lufs(powers, cells, gain_db=linear, ceiling_dbfs=-2) or 0) < -11.5, "it takes something"
    gain_db = gain_to_target(powers, cells, target_lufs=-11, ceiling_dbfs=-2)
    assert gain_db > linear
    assert limited_lufs(powers, cells, gain_db=gain_db, ceiling_dbfs=-2) == pytest.approx(-11, abs=0.1)


def test_where_nothing_reaches_the_ceiling_the_gain_is_linear() -> None:
    tone = sine(997, 5, amplitude=0.1, channels=2)
    powers = slice_powers(tone)
    gain_db = gain_to_target(powers, cells_of(tone), target_lufs=-23, ceiling_dbfs=-2)
    assert gain_db == pytest.approx(-23 - (integrated_lufs(powers) or 0))


def test_a_soundtrack_on_target_is_not_encoded_again() -> None:
    assert corrected_levelling(Levelling(3, -2), Measured(-14.4, -1.0), target_lufs=-14) is None


def test_a_soundtrack_that_misses_is_corrected_by_what_it_misses() -> None:
    too_quiet = corrected_levelling(Levelling(3, -2), Measured(-14.8, -1.4), target_lufs=-14)
    assert too_quiet is not None
    assert too_quiet.gain_db == pytest.approx(3.8)
    assert too_quiet.ceiling_dbfs == -2
    too_high = corrected_levelling(Levelling(3, None), Measured(-14.0, -0.7), target_lufs=-14)
    assert too_high is not None
    assert too_high.gain_db == 3
    assert too_high.ceiling_dbfs == pytest.approx(FIRST_CEILING_DBFS - 0.5)


def test_the_last_summary_that_ffmpeg_prints_is_read() -> None:
    printed = """
    I:         -70.0 LUFS
      Peak:       -inf dBFS
  Integrated loudness:
    I:         -14.2 LUFS
    Threshold: -24.9 LUFS
  True peak:
    Peak:       -1.4 dBFS
"""
    assert read_measurement(printed) == Measured(-14.2, -1.4)
    with pytest.raises(ValueError, match="no loudness"):
        read_measurement("nothing of the kind")


def test_a_soundtrack_of_another_length_is_a_bug_and_not_cut_off() -> None:
    require_exact_length("480000\n", length_ms=10_000)
    with pytest.raises(RuntimeError, match="481024"):
        require_exact_length("481024\n", length_ms=10_000)


def test_a_voiceover_that_is_not_the_plans_is_refused() -> None:
    require_whole_voiceover(sample_rate=48_000, channels=1, sample_count=480_000, length_ms=10_000)
    with pytest.raises(Unrecoverable, match="44100 Hz"):
        require_whole_voiceover(sample_rate=44_100, channels=1, sample_count=441_000, length_ms=10_000)


def test_the_key_changes_with_what_determines_the_sound_and_with_nothing_else() -> None:
    words = (Span(100, 900), Span(1_000, 1_500))
    music = Music(file="song.mp3")
    key = inputs(*words, music=music).soundtrack_key
    assert inputs(*words, music=Music(file="renamed.mp3")).soundtrack_key == key
    assert inputs(*words, music=music, scene_id="renamed").soundtrack_key == key
    others = [
        inputs(*words).soundtrack_key,
        inputs(*words, music=music, loudness=-16).soundtrack_key,
        inputs(*words, music=Music(file="song.mp3", gain_db=1)).soundtrack_key,
        inputs(Span(100, 901), words[1], music=music).soundtrack_key,
    ]
    assert len({key, *others}) == 5


def test_the_soundtrack_waits_for_the_scenes_with_a_clip_that_is_heard() -> None:
    heard = {"file": "b.mp4", "keep_sound": True}
    clips: list[list[object]] = [["a.mp4"], ["a.mp4", heard], [heard], [{**heard, "keep_sound": False}]]
    scenes = [{"id": f"scene-{n}", "narration": "la", "clips": shown} for n, shown in enumerate(clips, start=1)]
    project = Project.model_validate({"name": "heard", "scenes": scenes})
    assert awaited_sounds("heard", project) == ("lockstep.heard.scene.2.sounded", "lockstep.heard.scene.3.sounded")
    assert awaited_sounds("heard", project.model_copy(update={"scenes": project.scenes[:1]})) == ()


def test_the_key_changes_with_what_clips_keep_of_their_sound_and_only_then_with_how_it_is_mixed() -> None:
    silent = inputs(Span(1_000, 2_000))
    softer = ClipSound(gain_db=-12)
    assert replace(silent, clip_sound=softer).soundtrack_key == silent.soundtrack_key
    kept = replace(silent, kept_sounds=(KeptSound(1, asset("e"), Span(0, 10_000)),))
    later = replace(silent, kept_sounds=(KeptSound(1, asset("e"), Span(40, 10_000)),))
    other = replace(silent, kept_sounds=(KeptSound(1, asset("f"), Span(0, 10_000)),))
    nothing = replace(silent, kept_sounds=(KeptSound(1, None, Span(0, 10_000)),))
    all_inputs = [silent, kept, later, other, nothing, replace(kept, clip_sound=softer)]
    assert len({one.soundtrack_key for one in all_inputs}) == len(all_inputs)
    assert len({one.report_key for one in all_inputs}) == len(all_inputs)


def test_a_kept_sound_of_another_length_is_a_bug_and_not_cut_off() -> None:
    span = Span(40, 1_040)
    require_whole_kept_sound(sample_rate=48_000, channels=2, sample_count=48_000, span=span)
    with pytest.raises(RuntimeError, match="47999 samples"):
        require_whole_kept_sound(sample_rate=48_000, channels=2, sample_count=47_999, span=span)


def test_music_is_decoded_to_stereo_floats_whatever_it_is() -> None:
    assert commands.decode_sound("song.mp3", "song.wav", at_most_ms=90_050) == [
        *("-protocol_whitelist", "file", "-i", "song.mp3"),
        *("-filter_complex", "[0:a:0]aformat=channel_layouts=stereo:sample_fmts=flt:sample_rates=48000[s0]"),
        *("-map", "[s0]", "-f", "wav", "-acodec", "pcm_f32le", "-map_metadata", "-1", "-rf64", "auto"),
        *("-t", "90.050", "song.wav"),
    ]


def test_layers_are_limited_without_delay_and_encoded_once() -> None:
    arguments = commands.encode_soundtrack("layers.wav", "out.m4a", levelling=Levelling(3.2, -2.0))
    assert arguments[arguments.index("-filter_complex") + 1] == (
        "[0:a]volume=3.200dB[s0];[s0]aresample=96000:internal_sample_fmt=fltp[s1];"
        "[s1]alimiter=latency=1:level=false:limit=0.794328[s2];[s2]aresample=48000:internal_sample_fmt=fltp[s3];"
        "[s3]aformat=channel_layouts=stereo:sample_fmts=fltp:sample_rates=48000[s4]"
    )
    assert arguments.count("-acodec") == 1
    assert "-shortest" not in arguments


def test_a_soundtrack_that_needs_no_limiter_gets_none() -> None:
    arguments = commands.encode_soundtrack("layers.wav", "out.m4a", levelling=Levelling(-1.0, None))
    assert not any("alimiter" in argument or "aresample" in argument for argument in arguments)


def test_a_kept_mix_is_what_goes_into_the_encoder() -> None:
    arguments = commands.encode_soundtrack("layers.wav", "out.m4a", levelling=Levelling(3.2, -2), mix_wave="mix.wav")
    assert "asplit=2" in arguments[arguments.index("-filter_complex") + 1]
    assert arguments[-1] == "mix.wav"
