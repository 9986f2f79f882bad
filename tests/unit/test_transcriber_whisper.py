"""faster-whisper's segments become words, and a machine without it or without a model is told what to do."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from services.transcriber.passage import Passage
from services.transcriber.reporter import Inquiry
from services.transcriber.whisper import WhisperReporter
from services.transcriber.whisper_segments import report_of_segments
from shared.errors import Unrecoverable
from shared.project import Words
from shared.testing import MemoryStore
from shared.timeline import Span
from shared.transcript import Recording, Take

try:
    import faster_whisper  # noqa: F401
except ImportError:
    IS_INSTALLED = False
else:
    IS_INSTALLED = True


@dataclass
class Word:
    """The shape of faster-whisper 1.2.1."""

    start: float
    end: float
    word: str
    probability: float


@dataclass
class Segment:
    words: list[Word] | None


def test_words_of_all_segments_follow_one_another_in_milliseconds() -> None:
    report = report_of_segments(
        [
            Segment([Word(0.0, 0.38, " The", 0.71), Word(0.38, 0.9, " sea.", 0.98)]),
            Segment(None),
            Segment([Word(2.0, 2.4, " Calm.", 1.0)]),
        ]
    )
    told = [(word.text, word.passage_span, word.confidence) for word in report.words]
    assert told == [("The", Span(0, 380), 0.71), ("sea.", Span(380, 900), 0.98), ("Calm.", Span(2000, 2400), 1.0)]
    assert not report.is_exact


def test_pieces_of_one_written_word_are_one_word() -> None:
    pieces = [
        Word(0, 0.4, " It", 0.9),
        Word(0.4, 0.8, " $4", 0.8),
        Word(0.8, 1.2, ".50", 0.6),
        Word(1.2, 1.5, "-ish", 1),
    ]
    report = report_of_segments([Segment(pieces)])
    assert [(word.text, word.passage_span, word.confidence) for word in report.words] == [
        ("It", Span(0, 400), 0.9),
        ("$4.50-ish", Span(400, 1500), 0.6),
    ]


def test_a_word_without_length_has_no_time() -> None:
    report = report_of_segments([Segment([Word(0.5, 0.5, " stuck", 0.2), Word(1.0, 0.9, " back", 0.2)])])
    assert [word.passage_span for word in report.words] == [None, None]


async def refusal(folder: Path, model: str) -> Unrecoverable:
    store = MemoryStore()
    path = folder / "voiceover.wav"
    path.write_bytes(b"")
    recording = Recording(
        voiceover=await store.put_file(path, "voiceovers/a.wav", "audio/wav"),
        length_ms=1000,
        takes=(Take(scene_id="one", text="The sea.", span=Span(0, 1000)),),
        take_boundaries_known=True,
        engine="recorded",
    )
    write_silence(path)
    passages = (Passage(Span(0, 1000), ("The", "sea."), ("one",), (0,)),)
    inquiry = Inquiry(recording, passages, path, Words(engine="whisper", model=model), folder, lambda heard_ms: None)
    with pytest.raises(Unrecoverable) as failure:
        await WhisperReporter(store, "small.en", None, 120).report(inquiry)
    return failure.value


def write_silence(path: Path) -> None:
    import soundfile

    soundfile.write(path, [0.0] * 48_000, 48_000)


@pytest.mark.skipif(IS_INSTALLED, reason="faster-whisper is installed here")
async def test_where_it_is_missing_the_command_that_installs_it_is_told(tmp_path: Path) -> None:
    assert "pip install 'lockstep[whisper]'" in (await refusal(tmp_path, "small.en")).remedy


@pytest.mark.skipif(not IS_INSTALLED, reason="faster-whisper is not installed: pip install 'lockstep[whisper]'")
async def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "folder that holds model.bin" in (await refusal(tmp_path, str(tmp_path))).remedy
