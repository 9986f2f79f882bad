"""espeak-ng as a pronouncing dictionary: how it would say any word. The audio is not its business here."""

import subprocess
from collections.abc import Iterable, Sequence

from services.transcriber.phones import phones_of

TIMEOUT_SECONDS = 60


class EspeakMissing(Exception):
    """espeak-ng is not installed."""


def pronounce(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The model's phones for each word as espeak-ng's American and British voices say it; mute words are left out.

    One child process for each voice, 1 ms for each word. Raises `EspeakMissing`, and `RuntimeError` where espeak-ng
    stops otherwise.
    """
    asked = sorted(words)
    american = {word: phones_of(ipa) for word, ipa in _transcribe(asked, "en-us").items()}
    # What a British voice says otherwise it mostly says around an r.
    british = {word: phones_of(ipa) for word, ipa in _transcribe([w for w in asked if "r" in w], "en-gb").items()}
    found: dict[str, tuple[str, ...]] = {}
    for word in asked:
        here, there = american.get(word, ()), british.get(word, ())
        # The model's ER is American, with its r in it; a British "her" is nearer to a long AH.
        open_there = tuple("AH" if phone == "ER" else phone for phone in there)
        found[word] = tuple(dict.fromkeys(" ".join(phones) for phones in (here, there, open_there) if phones))
    return {word: ways for word, ways in found.items() if ways}


def _transcribe(words: Sequence[str], voice: str) -> dict[str, str]:
    if not words:
        return {}
    try:
        answer = subprocess.run(
            ["espeak-ng", "-q", "--ipa", "-v", voice],
            # A full stop and an empty line keep the words apart: one alone in its line may else join the next.
            input="".join(f"{word}.\n\n" for word in words),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise EspeakMissing from None
    if answer.returncode != 0:
        raise RuntimeError(f"espeak-ng stopped with exit code {answer.returncode}: {answer.stderr.strip()[:300]}")
    lines = [line.strip() for line in answer.stdout.splitlines() if line.strip()]
    if len(lines) == len(words):
        return dict(zip(words, lines, strict=True))
    if len(words) == 1:
        return {}
    middle = len(words) // 2  # one of them is mute; halving finds it in a few calls
    return _transcribe(words[:middle], voice) | _transcribe(words[middle:], voice)
