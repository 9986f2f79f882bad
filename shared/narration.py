"""A scene's narration: plain text, or text with the SSML tags that Lockstep honours, read into values.

Only what every voice can be held to is accepted; everything else is refused with the position, the cause and what
to write instead. A voice asks `Speech.spoken` for the words; how its engine is told to speak them is the engine's
own business.
"""

import difflib
import re
import unicodedata
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from shared.narration_markup import NarrationError, Tag, folded, quoted, walk_markup

__all__ = [
    "BreakAfter",
    "Narration",
    "NarrationError",
    "Pause",
    "SayAs",
    "Speech",
    "parse_narration",
    "read_duration_ms",
]

LONGEST_PAUSE_MS = 60_000
SLOWEST_RATE, FASTEST_RATE = Fraction(1, 2), Fraction(2)

SayAs = Literal["characters", "digits", "telephone", "cardinal", "ordinal"]
BreakAfter = Literal["none", "sentence", "paragraph"]


@dataclass(frozen=True)
class Speech:
    """A stretch of text spoken in one manner. The text is never empty; white space is folded and stripped."""

    text: str
    """As it is written in the script."""
    spoken_as: str | None = None
    """The words to say instead of the text: the alias of <sub>, or what <say-as> makes of it."""
    rate: Fraction = Fraction(1)
    """Speed as a factor of the voice's own, 1/2 to 2; nested <prosody> multiply."""
    say_as: SayAs | None = None
    """The kind of <say-as>, for an engine that can do more with it than read `spoken_as`."""
    break_after: BreakAfter = "none"
    """A <s> or <p> begins or ends here, whatever the punctuation says."""
    space_after: bool = True
    """False where the next part continues without white space: `<sub alias="doctor">Dr</sub>, come`."""

    @property
    def spoken(self) -> str:
        """The words that the voice is asked to say."""
        return self.spoken_as if self.spoken_as is not None else self.text


@dataclass(frozen=True)
class Pause:
    """Silence within the narration, in whole milliseconds, 1 to 60,000."""

    ms: int


@dataclass(frozen=True)
class Narration:
    """What one scene says, part by part, in order."""

    parts: tuple[Speech | Pause, ...]

    @property
    def text(self) -> str:
        """The plain words in order as the voice is asked to say them: no markup, aliases in place, spaces folded."""
        pieces = (part.spoken + " " * part.space_after if isinstance(part, Speech) else " " for part in self.parts)
        return folded("".join(pieces))


def parse_narration(text: str) -> Narration:
    """The narration as values. Raises `NarrationError` and nothing else."""
    reader = _Reader()
    walk_markup(text, reader)
    reader.finish_speech()
    if not any(_can_be_said(part.spoken) for part in reader.parts if isinstance(part, Speech)):
        raise NarrationError("There is nothing to say: the narration has no words.", "Write the words of the scene.")
    return Narration(tuple(reader.parts))


def read_duration_ms(text: str) -> int:
    """`500ms` or `1.5s` as whole milliseconds. Raises `ValueError` with a sentence for anything else."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s)", text.strip(), flags=re.ASCII)
    if found is None:
        raise ValueError(f'{quoted(text)} is not a time; write "500ms" or "1.5s"')
    return round(Fraction(found[1]) * (1000 if found[2] == "s" else 1))


_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "break": ("time", "strength"),
    "prosody": ("rate",),
    "p": (),
    "s": (),
    "sub": ("alias",),
    "say-as": ("interpret-as",),
}
_WITHOUT_TAGS_INSIDE = {"break", "sub", "say-as"}
_REMEDIES = {
    "speak": "Remove it: a narration needs no wrapper.",
    "emphasis": 'Slow the words down instead: <prosody rate="90%">.',
    "phoneme": 'Spell the sound: <sub alias="loo-tenant">lieutenant</sub>.',
    "voice": "The voice is chosen once, under `voice` in the project file.",
    "audio": "Put sound under `music` in the project file.",
    "paragraph": "Write <p>.",
    "sentence": "Write <s>.",
    "br": 'Write <break time="500ms"/>.',
    "pause": 'Write <break time="500ms"/>.',
}
# The lengths that Microsoft documents for its voices; the SSML standard leaves them to the engine.
# https://learn.microsoft.com/azure/ai-services/speech-service/speech-synthesis-markup-structure#add-a-break
_BREAK_MS = {"none": 0, "x-weak": 250, "weak": 500, "medium": 750, "strong": 1000, "x-strong": 1250}
# The factors of espeak-ng (src/libespeak-ng/ssml.c, mnem_rate); the SSML standard leaves them to the engine.
_NAMED_RATES = {
    "x-slow": Fraction(60, 100),
    "slow": Fraction(80, 100),
    "medium": Fraction(1),
    "default": Fraction(1),
    "fast": Fraction(125, 100),
    "x-fast": Fraction(160, 100),
}
_SAY_AS: dict[str, SayAs] = {
    "characters": "characters",
    "spell-out": "characters",
    "digits": "digits",
    "telephone": "telephone",
    "cardinal": "cardinal",
    "number": "cardinal",
    "ordinal": "ordinal",
}


@dataclass(frozen=True)
class _Manner:
    """How the text inside a tag is spoken."""

    tag: Tag
    rate: Fraction
    alias: str | None = None
    say_as: SayAs | None = None


class _Reader:
    """Collects the parts while the markup is walked through."""

    def __init__(self) -> None:
        self.parts: list[Speech | Pause] = []
        self._manners: list[_Manner] = []
        self._pieces: list[str] = []
        self._space_before = True

    def read_text(self, text: str) -> None:
        self._pieces.append(text)

    def open_tag(self, tag: Tag) -> None:
        _check_tag(tag)
        if self._manners and (outer := self._manners[-1].tag.name) in _WITHOUT_TAGS_INSIDE:
            tag.refuse(f"<{tag.name}> stands inside <{outer}>, which takes no tags.", f"Put it after <{outer}>.")
        self.finish_speech()
        manner = _Manner(tag, self._rate())
        match tag.name:
            case "break":
                self._space_before = True
                if ms := _break_ms(tag):
                    self.parts.append(Pause(ms))
            case "prosody":
                manner = _Manner(tag, _changed_rate(tag, self._rate()))
            case "p" | "s":
                self._mark_break("paragraph" if tag.name == "p" else "sentence")
            case "sub":
                manner = _Manner(tag, self._rate(), alias=_alias(tag))
            case "say-as":
                manner = _Manner(tag, self._rate(), say_as=_say_as(tag))
        self._manners.append(manner)

    def close_tag(self, tag: Tag) -> None:
        if tag.name == "break" and folded("".join(self._pieces)):
            tag.refuse("<break> has text inside.", 'Write <break time="500ms"/> and the text after it.')
        if tag.name in {"sub", "say-as"} and not folded("".join(self._pieces)):
            tag.refuse(f"<{tag.name}> has no text.", f"Write the text between <{tag.name}> and </{tag.name}>.")
        self.finish_speech()
        if tag.name in {"p", "s"}:
            self._mark_break("paragraph" if tag.name == "p" else "sentence")
        self._manners.pop()

    def finish_speech(self) -> None:
        """Turn the text since the last tag into speech, joined to the one before where nothing differs."""
        written = "".join(self._pieces)
        self._pieces.clear()
        text = folded(written)
        space_before = self._space_before or written[:1].isspace()
        self._space_before = written[-1:].isspace() if text else space_before
        if not text:
            return
        speech = self._speech(text)
        last = self.parts[-1] if self.parts else None
        if not isinstance(last, Speech):
            self.parts.append(speech)
        elif speech.spoken_as is None and replace(last, text="") == replace(speech, text=""):
            self.parts[-1] = replace(last, text=last.text + " " * space_before + text)
        else:
            self.parts[-1] = replace(last, space_after=space_before)
            self.parts.append(speech)

    def _speech(self, text: str) -> Speech:
        if not self._manners:
            return Speech(text)
        manner = self._manners[-1]
        spoken_as = manner.alias
        if manner.say_as is not None:
            spoken_as = _interpret(text, manner.say_as)
            if spoken_as is None:
                manner.tag.refuse(
                    f"{quoted(text)} cannot be said as {manner.say_as}.",
                    'Write a number, or use <sub alias="the words to say">.',
                )
        return Speech(text, spoken_as, manner.rate, manner.say_as)

    def _mark_break(self, kind: BreakAfter) -> None:
        """A sentence or paragraph ends with the last speech, however many pauses stand in between."""
        self._space_before = True
        for index in reversed(range(len(self.parts))):
            part = self.parts[index]
            if isinstance(part, Speech):
                if part.break_after != "paragraph":
                    self.parts[index] = replace(part, break_after=kind)
                return

    def _rate(self) -> Fraction:
        return self._manners[-1].rate if self._manners else Fraction(1)


def _check_tag(tag: Tag) -> None:
    name = tag.name[:40]
    if tag.name not in _ATTRIBUTES:
        close = difflib.get_close_matches(name.lower(), _ATTRIBUTES, n=1)
        remedy = f"Did you mean <{close[0]}>?" if close else "Remove it; a plain < is written &lt;."
        supported = ", ".join(f"<{one}>" for one in _ATTRIBUTES)
        tag.refuse(f"<{name}> is not supported; the tags are {supported}.", _REMEDIES.get(name.lower(), remedy))
    allowed = _ATTRIBUTES[tag.name]
    for attribute in tag.attributes:
        if attribute not in allowed:
            takes = " and ".join(f"`{one}`" for one in allowed) or "no attributes"
            tag.refuse(f"<{name}> does not take `{attribute[:40]}`.", f"It takes {takes}.")


def _break_ms(tag: Tag) -> int:
    strength = tag.attributes.get("strength", "medium")
    if strength not in _BREAK_MS:
        tag.refuse(f"{quoted(strength)} is no strength of a <break>.", f"Write one of {', '.join(_BREAK_MS)}.")
    if "time" not in tag.attributes:
        return _BREAK_MS[strength]
    try:
        ms = read_duration_ms(tag.attributes["time"])
    except ValueError:
        time = quoted(tag.attributes["time"])
        tag.refuse(f"{time} is not a time for a <break>.", 'Write <break time="500ms"/> or <break time="1.5s"/>.')
    if ms > LONGEST_PAUSE_MS:
        tag.refuse(f"A <break> of {ms} ms is too long.", "Write at most 60s.")
    return ms


def _changed_rate(tag: Tag, outer: Fraction) -> Fraction:
    if "rate" not in tag.attributes:
        tag.refuse("<prosody> has no `rate`.", 'Write <prosody rate="80%">.')
    written = tag.attributes["rate"].strip()
    number = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?)(%?)|([+-]\d{1,6}(?:\.\d{1,6})?)%", written, flags=re.ASCII)
    if written in _NAMED_RATES:
        rate = outer * _NAMED_RATES[written]
    elif number is None:
        named = ", ".join(_NAMED_RATES)
        tag.refuse(f"{quoted(written)} is not a rate for <prosody>.", f'Write "80%", "+10%", "1.1" or one of {named}.')
    elif number[3]:
        rate = outer * (1 + Fraction(number[3]) / 100)
    else:
        rate = outer * Fraction(number[1]) / (100 if number[2] else 1)
    if not SLOWEST_RATE <= rate <= FASTEST_RATE:
        tag.refuse(f"The voice would speak at {float(rate):.0%} of its normal speed.", "Stay within 50% and 200%.")
    return rate


def _alias(tag: Tag) -> str:
    alias = folded(tag.attributes.get("alias", ""))
    if not _can_be_said(alias):
        tag.refuse("<sub> has no words in its alias.", 'Write <sub alias="doctor">Dr</sub>.')
    return alias


def _say_as(tag: Tag) -> SayAs:
    written = tag.attributes.get("interpret-as", "")
    if written not in _SAY_AS:
        tag.refuse(
            f"<say-as> cannot interpret {quoted(written)}.",
            f'Write one of {", ".join(_SAY_AS)}; for the rest use <sub alias="the words to say">.',
        )
    return _SAY_AS[written]


def _interpret(text: str, say_as: SayAs) -> str | None:
    """The words that <say-as> makes of a text, or None where the text is not of that kind."""
    if say_as == "characters":
        return " ".join("".join(unicodedata.normalize("NFC", text).split()))
    if not re.search(r"\d", text):
        return None
    match say_as:
        case "digits":
            return re.sub(r"(?<=\d)(?=\d)", " ", text)
        case "telephone":
            groups = re.findall(r"\d+|[^\W\d_]+", text)
            spoken = ", ".join(" ".join(group) if group.isdecimal() else group for group in groups)
            return f"plus {spoken}" if text.startswith("+") else spoken
        case "ordinal":
            return _ordinal(text)
        case "cardinal":
            return text if re.fullmatch(r"[-+]?[\d,]+(\.\d+)?", text, flags=re.ASCII) else None


def _ordinal(text: str) -> str | None:
    if not re.fullmatch(r"\d{1,9}", text, flags=re.ASCII):
        return None
    teen = text[-2:] in {"11", "12", "13"}
    return text + ("th" if teen else {"1": "st", "2": "nd", "3": "rd"}.get(text[-1], "th"))


def _can_be_said(text: str) -> bool:
    """True with at least one letter, digit or symbol (an emoji, a currency sign); punctuation alone is silence."""
    return any(unicodedata.category(character)[0] in "LNS" for character in text)
