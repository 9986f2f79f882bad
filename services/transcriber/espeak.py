"""espeak-ng as a pronouncing dictionary: how it would say any word. The audio is not its business here."""

import subprocess
from collections.abc import Iterable

from services.transcriber.phones import phones_of

TIMEOUT_SECONDS = 60


class EspeakMissing(Exception):
    """espeak-ng is not installed."""


def pronounce(words: Iterable[str]) -> dict[str, str]:
    """The model's phones for each word as espeak-ng's American voice says it; words without a sound are left out.

    One child process for all words. Raises `EspeakMissing`, and `RuntimeError` where espeak-ng stops otherwise.
    """
    asked = sorted(words)
    if not asked:
        return {}
    try:
        answer = subprocess.run(
            # A full stop after each keeps the words apart: a word alone in its line may else join the next one.
            ["espeak-ng", "-q", "--ipa", "-v", "en-us"],
            input="".join(f"{word}.\n\n" for word in asked),
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
    if len(lines) != len(asked):
        if len(asked) == 1:
            return {}
        middle = len(asked) // 2  # one of them is silent; halving finds it in a few calls
        return pronounce(asked[:middle]) | pronounce(asked[middle:])
    spoken = {word: " ".join(phones_of(line)) for word, line in zip(asked, lines, strict=True)}
    return {word: phones for word, phones in spoken.items() if phones}
