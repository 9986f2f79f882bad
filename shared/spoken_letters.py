"""How runs of letters and single signs are read aloud in English: words, initials, `JetStream`, `&`, emoji. Pure."""

import re
import unicodedata

from shared.spoken_numbers import Forms, cardinal, chain, either, forms
from shared.spoken_tables import SYMBOLS, UNITS

SILENT: Forms = ((),)
"""One alternative: nothing is said."""


def letters(word: str, *, after_number: bool = False) -> Forms:
    """The readings of a run of letters a to z; apostrophes only inside. After a number it may be a unit: `5kg`."""
    lower = word.lower()
    spelled = forms(" ".join(letter for letter in lower if letter != "'"))
    if after_number and lower in UNITS:
        return either(forms(*UNITS[lower]), spelled)
    stem, mark, ending = word.partition("'")
    if not mark:
        return _run(word)
    if ending == "s" and len(stem) > 1 and not stem.islower():  # NASA's, iPhone's
        return tuple((*form[:-1], f"{form[-1]}'s") for form in _run(stem))
    return forms(lower)


def symbol(sign: str) -> Forms:
    """The readings of one sign that is neither a Latin letter nor an ASCII digit; an emoji may be silent."""
    if sign in SYMBOLS:
        return forms(*SYMBOLS[sign])
    if sign.isdigit():
        return cardinal(str(unicodedata.digit(sign)))
    name = re.sub(r"[^a-z]+", " ", unicodedata.name(sign, "").lower()).split()
    if not name or unicodedata.category(sign)[0] in "CPM" or unicodedata.category(sign) == "Sk":
        return SILENT
    if name[0] == "cjk":
        return forms("", "chinese letter")  # what espeak-ng says for each
    # A letter's name ends with what it is called: "greek small letter alpha".
    return forms(name[-1]) if sign.isalpha() else either(SILENT, (tuple(name[:6]),))


def _run(word: str) -> Forms:
    lower = word.lower()
    if len(word) == 1:
        return forms(lower)
    plural = re.fullmatch(r"([A-Z]+)([A-Z])s", word)
    if plural:  # PCs
        return forms(" ".join([*plural[1].lower(), f"{plural[2].lower()}'s"]), lower)
    if word.isupper():
        return _capitals(lower)
    humps = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", word)
    return either(chain(*(_run(hump) for hump in humps)), forms(lower)) if len(humps) > 1 else forms(lower)


def _capitals(lower: str) -> Forms:
    # Up to three capitals, or several without a vowel, are usually spelled (USA, HTML); longer ones are words (NASA).
    spelled = forms(" ".join(lower))
    if len(lower) <= 3 or not re.search("[aeiouy]", lower):
        return either(spelled, forms(lower))
    return either(forms(lower), spelled if len(lower) <= 8 else ())
