"""Where the voice is listened for, and how exactly its place is found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.assembler import listening
from services.assembler.listening import Listening, Samples
from shared.certificate import VoiceOffset
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

LENGTH_MS = 20_000


def said(rng: np.random.Generator, length_ms: int = LENGTH_MS) -> Samples:
    """Syllables of coloured noise, four a second, with pauses: what matters of a voice here."""
    length = length_ms * SAMPLES_PER_MS
    noise = np.convolve(rng.standard_normal(length), np.ones(6) / 6, mode="same")
    beats = np.repeat(rng.uniform(0, 1, length // 12_000 + 1) > 0.3, 12_000)[:length]
    return (0.2 * noise * beats).astype(np.float32)


def hummed(length: int, loudness: float) -> Samples:
    """A bed: a chord that sways."""
    at = np.arange(length) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * pitch * at) for pitch in (110.0, 138.6, 164.8, 220.0, 440.0))
    return (loudness * chord * (1 + 0.5 * np.sin(2 * np.pi * 0.3 * at))).astype(np.float32)


VOICE = said(np.random.default_rng(4))


def late_by(samples: int, voice: Samples) -> Samples:
    moved = np.zeros_like(voice)
    if samples >= 0:
        moved[samples:] = voice[: len(voice) - samples]
    else:
        moved[:samples] = voice[-samples:]
    return moved


def listen(place: Listening, mix: Samples, voice: Samples = VOICE) -> VoiceOffset:
    def stretch(samples: Samples, span: Span) -> Samples:
        return samples[span.start * SAMPLES_PER_MS : span.end * SAMPLES_PER_MS]

    return listening.voice_offset(place, stretch(voice, place.heard_at), stretch(mix, place.searched))


def words_every(step_ms: int, length_ms: int) -> list[Span]:
    return [Span(at, at + step_ms // 2) for at in range(200, length_ms - step_ms, step_ms)]


PLACES = listening.listenings(words_every(500, LENGTH_MS), LENGTH_MS)


def test_the_voice_is_listened_for_at_the_start_in_the_middle_and_at_the_end() -> None:
    assert [place.heard_at for place in PLACES] == [Span(200, 4200), Span(8200, 12200), Span(15450, 19450)]


def test_it_is_searched_a_second_to_either_side_but_not_before_the_file_begins() -> None:
    assert [place.searched for place in PLACES] == [Span(0, 5200), Span(7200, 13200), Span(14450, 20450)]


def test_a_project_shorter_than_one_stretch_is_heard_once_and_whole() -> None:
    places = listening.listenings([Span(0, 400), Span(600, 1400)], 1500)
    assert [place.heard_at for place in places] == [Span(0, 1500)]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=60), st.integers(0, 5000))
def test_every_stretch_lies_in_the_voiceover_and_holds_a_word(lengths: list[int], tail: int) -> None:
    words, at = [], 0
    for length in lengths:
        words.append(Span(at, at + length))
        at += 2 * length
    total = words[-1].end + tail
    for place in listening.listenings(words, total):
        assert 0 <= place.heard_at.start < place.heard_at.end <= total
        assert any(word.overlaps(place.heard_at) for word in words)


@pytest.mark.parametrize("place", PLACES, ids=["start", "middle", "end"])
@pytest.mark.parametrize("offset", [0, 1, -1, 1024, 2400, -2400, 40_000])
def test_the_voice_is_found_to_the_sample(place: Listening, offset: int) -> None:
    mix = late_by(offset, VOICE) + hummed(len(VOICE), 0.02)
    assert listen(place, mix).offset_samples == offset


@settings(max_examples=15, deadline=None)
@given(st.integers(-9_000, 40_000), st.floats(0.05, 2.0))
def test_the_voice_is_found_wherever_it_is_and_however_loud(offset: int, gain: float) -> None:
    mix = (gain * late_by(offset, VOICE)).astype(np.float32)
    assert listen(PLACES[1], mix).offset_samples == offset


def test_the_voice_is_found_under_a_bed_that_is_louder_than_it() -> None:
    bed = hummed(len(VOICE), 0.5)
    assert np.std(bed) > 8 * np.std(VOICE)
    assert listen(PLACES[1], late_by(480, VOICE) + bed).offset_samples == 480


def test_a_soundtrack_without_a_voice_is_not_mistaken_for_one() -> None:
    heard = listen(PLACES[1], hummed(len(VOICE), 0.3))
    assert heard.offset_samples is None
    assert heard.likeness < listening.CLEAR_LIKENESS


def test_another_voice_is_not_mistaken_for_this_one() -> None:
    assert listen(PLACES[1], said(np.random.default_rng(5))).offset_samples is None


def test_silence_holds_no_voice() -> None:
    assert listen(PLACES[1], np.zeros_like(VOICE)).offset_samples is None
    assert listen(PLACES[1], VOICE, voice=np.zeros_like(VOICE)).offset_samples is None


def test_a_word_that_is_said_again_and_again_is_still_found_in_its_place() -> None:
    word = said(np.random.default_rng(6), 600)
    repeated = np.tile(word, LENGTH_MS // 600 + 1)[: len(VOICE)]
    assert listen(PLACES[1], late_by(100, repeated), voice=repeated).offset_samples == 100


def test_a_file_that_ends_early_is_searched_as_far_as_it_goes() -> None:
    assert listen(PLACES[2], late_by(-240, VOICE)[: 19 * SAMPLE_RATE]).offset_samples == -240


def test_all_stretches_are_decoded_by_one_process() -> None:
    arguments = listening.listening_arguments(PLACES[:1], "voice.wav", "video.mp4", ["v.raw"], ["m.raw"])
    assert " ".join(arguments) == (
        "-v error"
        " -protocol_whitelist file -ss 200ms -t 4000ms -vn -i voice.wav"
        " -protocol_whitelist file -ss 0ms -t 5200ms -vn -i video.mp4"
        " -map 0:a:0 -af aresample=first_pts=0 -ac 1 -ar 48000 -f f32le v.raw"
        " -map 1:a:0 -af aresample=first_pts=0 -ac 1 -ar 48000 -f f32le m.raw"
    )
