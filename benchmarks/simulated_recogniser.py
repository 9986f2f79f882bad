"""Random scripts, a speaker that reads them aloud, and a recogniser that mishears at a chosen rate. All seeded.

What makes this hard on purpose: common words everywhere, sentences that come back in other scenes, numbers that the
recogniser spells its own way, scenes that run into one another, hesitations as long as a scene's pause, and errors of
every kind: words that sound alike, unrelated words, missing, inserted, split and merged words.
"""

import functools
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pocketsphinx

_HUNDRED = """the of and to a in is it that was for on with as his they at be this from have or by one had not but what
all were when we there can an your which their said if do will each about how up out them then she many some so these
would other into has more her two like him see time could no make than first been its who now people my made over did
down only way find use may water long little very after words called just where most know"""
COMMON = tuple(_HUNDRED.split())
"""The hundred most frequent words of written English: half of any real script."""

WRITTEN_NUMBERS = (
    ("12", "twelve"),
    ("1905", "nineteen oh five"),
    ("2026", "twenty twenty six"),
    ("$4.50", "four dollars fifty"),
    ("25%", "twenty five percent"),
    ("3rd", "third"),
    ("Dr.", "doctor"),
    ("100", "one hundred"),
)
"""How a script writes it, and one of the ways in which a recogniser writes it."""


@dataclass(frozen=True)
class SpokenWord:
    """One script token as it was really spoken: the truth. Milliseconds."""

    scene: int
    written: str
    start: int
    end: int


@dataclass(frozen=True)
class HeardWord:
    """One word of the simulated recogniser, and the scene that it really belongs to."""

    scene: int
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class ErrorKinds:
    """How word errors divide; shares of 1. The division of Whisper-like recognisers on clear speech."""

    alike: float = 0.48
    unrelated: float = 0.07
    missing: float = 0.20
    inserted: float = 0.13
    split: float = 0.06
    merged: float = 0.06


@functools.cache
def _dictionary() -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Words fit for a script, and by the sound of a word those that sound alike: same consonants, any vowels."""
    path = Path(pocketsphinx.get_model_path("en-us")) / "cmudict-en-us.dict"
    words: list[str] = []
    by_sound: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, _, phones = line.partition(" ")
        if re.fullmatch(r"[a-z]{1,12}", word) is None:
            continue
        by_sound.setdefault(_sound(phones), []).append(word)
        if 4 <= len(word) <= 10:
            words.append(word)
    alike = {word: tuple(group) for group in by_sound.values() if len(group) > 1 for word in group}
    return tuple(words), alike


def _sound(phones: str) -> str:
    return "".join("V" if phone[0] in "AEIOU" else phone for phone in phones.split())


def random_script(rng: random.Random, *, scene_count: int | None = None) -> tuple[str, ...]:
    """The narrations of 5 to 60 scenes, about 700 words in all; in half of the scripts sentences come back."""
    everything, _ = _dictionary()
    topic = rng.sample(everything, rng.randint(60, 240))
    refrains = [_sentence(rng, topic) for _ in range(rng.randint(1, 3))] if rng.random() < 0.5 else []
    scenes = []
    for _ in range(scene_count or rng.randint(5, 60)):
        sentences = [_sentence(rng, topic) for _ in range(rng.choice((1, 1, 2, 2, 2, 3, 4)))]
        if refrains and rng.random() < 0.4:
            sentences.insert(rng.choice((0, len(sentences))), rng.choice(refrains))
        scenes.append(" ".join(sentences))
    return tuple(scenes)


def _sentence(rng: random.Random, topic: Sequence[str], *, least_words: int = 4) -> str:
    tokens = []
    for _ in range(rng.randint(least_words, 16)):
        if rng.random() < 0.02:
            tokens.append(rng.choice(WRITTEN_NUMBERS)[0])
        elif rng.random() < 0.5:
            tokens.append(COMMON[min(int(rng.expovariate(1 / 25)), len(COMMON) - 1)])
        else:
            tokens.append(topic[min(int(rng.expovariate(4 / len(topic))), len(topic) - 1)])
        if rng.random() < 0.08:
            tokens[-1] += ","
    return " ".join((tokens[0].capitalize(), *tokens[1:])).rstrip(",") + "."


def speak(rng: random.Random, script: Sequence[str]) -> list[SpokenWord]:
    """The script read aloud in one go. Most scenes end in a pause, one in twelve runs into the next."""
    pace = rng.uniform(0.8, 1.25)
    hesitations = rng.uniform(0, 0.04)
    at, spoken = rng.randint(0, 600), []
    for scene, narration in enumerate(script):
        if not narration:
            continue
        for token in narration.split():
            length = round((90 + 48 * len(token)) * pace * rng.uniform(0.75, 1.3))
            spoken.append(SpokenWord(scene, token, at, at + length))
            at += length + round(_pause_after(rng, token, hesitations) * pace)
        if rng.random() < 1 / 12:
            at = spoken[-1].end + rng.randint(0, 60)
        elif rng.random() < 0.5:
            at += rng.randint(0, 500)
    return spoken


def _pause_after(rng: random.Random, token: str, hesitations: float) -> float:
    if token.endswith("."):
        return min(1500, rng.lognormvariate(5.85, 0.6))  # median 350 ms
    if token.endswith(","):
        return min(900, rng.lognormvariate(5.0, 0.7))  # median 150 ms
    if rng.random() < hesitations:
        return rng.uniform(150, 900)
    return 0 if rng.random() < 0.6 else rng.uniform(0, 120)


def recognise(
    rng: random.Random, spoken: Sequence[SpokenWord], error_rate: float, kinds: ErrorKinds | None = None
) -> list[HeardWord]:
    """What a recogniser with this word error rate makes of it, with its own habits of timing.

    Word edges are off by 5 to 40 ms (one standard deviation). Half of the recognisers let words grow over the
    pauses beside them, by up to nine tenths of the pause, as attention-based recognisers do.
    """
    spread_ms = rng.uniform(5, 40)
    swallowed = rng.uniform(0.2, 0.9) if rng.random() < 0.5 else 0.0
    heard = list(_with_errors(rng, spoken, error_rate, kinds or ErrorKinds()))
    timed: list[HeardWord] = []
    at = 0
    for word, later in zip_longest(heard, heard[1:]):
        pause = max(0, later.start - word.end) if later is not None else 0
        grown = word.end + round(pause * swallowed * rng.uniform(0.6, 1.1))
        start = max(at, word.start + round(rng.gauss(0, spread_ms)))
        end = max(start + 20, grown + round(rng.gauss(0, spread_ms)))
        timed.append(HeardWord(word.scene, word.text, start, end))
        at = end
    return timed


def _with_errors(
    rng: random.Random, spoken: Sequence[SpokenWord], error_rate: float, kinds: ErrorKinds
) -> Iterator[HeardWord]:
    everything, alike = _dictionary()
    numbers = dict(WRITTEN_NUMBERS)
    names = ("alike", "unrelated", "missing", "inserted", "split", "merged")
    weights = (kinds.alike, kinds.unrelated, kinds.missing, kinds.inserted, kinds.split, kinds.merged)
    place = 0
    while place < len(spoken):
        word = spoken[place]
        place += 1
        plain = word.written.rstrip(",.") if word.written != "Dr." else word.written
        text = numbers[plain] if plain in numbers and rng.random() < 0.5 else plain.lower()
        error = rng.choices(names, weights)[0] if rng.random() < error_rate else "none"
        half = (word.start + word.end) // 2
        if error == "missing":
            continue
        if error == "alike":
            text = _sounds_like(rng, text, alike)
        elif error == "unrelated":
            text = rng.choice(COMMON) if rng.random() < 0.5 else rng.choice(everything)
        elif error == "inserted":
            extra = rng.choice(COMMON) if rng.random() < 0.7 else rng.choice(everything)
            pair = [text, extra] if rng.random() < 0.5 else [extra, text]
            yield HeardWord(word.scene, pair[0], word.start, half)
            yield HeardWord(word.scene, pair[1], half, word.end)
            continue
        elif error == "split" and len(text) >= 4 and " " not in text:
            middle = rng.randint(2, len(text) - 2)
            yield HeardWord(word.scene, text[:middle], word.start, half)
            yield HeardWord(word.scene, text[middle:], half, word.end)
            continue
        elif (
            error == "merged" and place < len(spoken) and spoken[place].scene == word.scene and "." not in word.written
        ):
            text += spoken[place].written.rstrip(",.").lower()
            word = SpokenWord(word.scene, text, word.start, spoken[place].end)
            place += 1
        yield from _one_or_many(word, text)


def _one_or_many(word: SpokenWord, text: str) -> Iterator[HeardWord]:
    """A number that the recogniser spells out is several words, each with its share of the time."""
    parts = text.split()
    step = (word.end - word.start) / len(parts)
    for number, part in enumerate(parts):
        start = round(word.start + number * step)
        yield HeardWord(word.scene, part, start, round(word.start + (number + 1) * step))


def _sounds_like(rng: random.Random, text: str, alike: dict[str, tuple[str, ...]]) -> str:
    """A word with the same consonants, or where there is none one letter changed, as a recogniser makes up names."""
    others = [other for other in alike.get(text, ()) if other != text]
    if others and rng.random() < 0.7:
        return rng.choice(others)
    if not text.isalpha():
        return rng.choice(COMMON)  # a number misheard is a word
    place = rng.randrange(len(text))
    letter = rng.choice("aeioubdfgklmnprst")
    return rng.choice((text[:place] + letter + text[place + 1 :], text[:place] + letter + text[place:]))


MISTAKES = ("skipped", "repeated", "inserted", "swapped")
"""What a speaker does to a sentence."""


def plant_mistake(rng: random.Random, script: Sequence[str], mistake: str) -> tuple[tuple[str, ...], int]:
    """What is said instead of the script, and the scene in which it differs. The sentence has at least five words."""
    sentences = [re.split(r"(?<!Dr)\. ", narration) for narration in script]
    places = [
        (scene, place)
        for scene, parts in enumerate(sentences)
        for place, part in enumerate(parts)
        if len(part.split()) >= 5 and (mistake != "swapped" or (place and part not in parts[place - 1 : place]))
    ]
    scene, place = rng.choice(places)
    parts = [part.rstrip(".") for part in sentences[scene]]
    match mistake:
        case "skipped":
            del parts[place]
        case "repeated":
            parts.insert(place, parts[place])
        case "inserted":
            everything, _ = _dictionary()
            parts.insert(place, _sentence(rng, rng.sample(everything, 40), least_words=5).rstrip("."))
        case "swapped":
            parts[place - 1], parts[place] = parts[place], parts[place - 1]
    said = ". ".join(parts) + "." if parts else ""
    return (*script[:scene], said, *script[scene + 1 :]), scene
