"""A narration as the SSML that espeak-ng honours, with the place of every word in it. Pure.

espeak-ng takes a break of "0.7s" for no break at all and joins two breaks into one, so pauses are whole milliseconds
and neighbours are added up. A break inside <prosody> is stretched with the speech, so it never stands in one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from xml.sax.saxutils import escape

from shared.narration import Narration, Pause, Speech

WORD_GAP = "  "
"""Between two words in the markup. espeak-ng reports a word after a tag one character late; with two spaces it still
cannot be taken for its neighbour. The sound is the same."""

_TAG_OF_BREAK = {"sentence": "s", "paragraph": "p"}


@dataclass(frozen=True)
class PlacedWord:
    """A word of the narration and the character of the markup at which it starts."""

    text: str
    start: int


@dataclass(frozen=True)
class EspeakMarkup:
    """What espeak-ng is given, and its words: `" ".join(word.text for word in words)` is the narration's text."""

    text: str
    words: tuple[PlacedWord, ...]


def render_markup(narration: Narration) -> EspeakMarkup:
    """The narration as espeak-ng's SSML."""
    page = _Page()
    for stretch in _stretches(narration):
        if isinstance(stretch, int):
            page.write(f'<break time="{stretch}ms"/>')
            page.end_word()
        else:
            _write_stretch(page, stretch)
    return EspeakMarkup("".join(page.pieces), tuple(page.words))


def _stretches(narration: Narration) -> Iterator[list[Speech] | int]:
    """The speech between pauses, and the pauses in milliseconds, neighbours added up."""
    for is_pause, parts in groupby(narration.parts, lambda part: isinstance(part, Pause)):
        if is_pause:
            yield sum(part.ms for part in parts if isinstance(part, Pause))
        else:
            yield [part for part in parts if isinstance(part, Speech)]


def _write_stretch(page: "_Page", stretch: list[Speech]) -> None:
    sentence: list[Speech] = []
    for part in stretch:
        sentence.append(part)
        # At the stretch's end the pause that follows is the break; espeak-ng would add its own to it.
        if part.break_after != "none" and part is not stretch[-1]:
            tag = _TAG_OF_BREAK[part.break_after]
            page.write(f"<{tag}>")
            _write_sentence(page, sentence)
            page.write(f"</{tag}>")
            page.end_word()
            sentence = []
    _write_sentence(page, sentence)


def _write_sentence(page: "_Page", sentence: list[Speech]) -> None:
    for part in sentence:
        if part.rate != 1:
            page.write(f'<prosody rate="{round(part.rate * 100)}%">')
        page.write_words(part.spoken.split())
        if part.rate != 1:
            page.write("</prosody>")
        if part.space_after:
            page.end_word()


class _Page:
    """The markup as it is written, and where its words are."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.words: list[PlacedWord] = []
        self._length = 0
        self._inside_word = False

    def write(self, markup: str) -> None:
        self.pieces.append(markup)
        self._length += len(markup)

    def write_words(self, words: list[str]) -> None:
        for number, word in enumerate(words):
            if number > 0:
                self.end_word()
            if self._inside_word:  # `<sub alias="doctor">Dr</sub>,` is one word in two parts
                self.words[-1] = PlacedWord(self.words[-1].text + word, self.words[-1].start)
            else:
                self.words.append(PlacedWord(word, self._length))
            self._inside_word = True
            self.write(escape(word))

    def end_word(self) -> None:
        if self._inside_word:
            self.write(WORD_GAP)
        self._inside_word = False
