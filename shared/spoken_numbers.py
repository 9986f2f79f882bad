"""How written numbers are read aloud in English: every usual reading, the likeliest first. Pure."""

import functools
from collections.abc import Iterable
from typing import TypeAlias

from num2words import num2words

Forms: TypeAlias = tuple[tuple[str, ...], ...]
"""Alternatives, the likeliest first; each is a sequence of plain words, and the empty one is silence."""

MOST_FORMS = 24
"""More alternatives than this for one token make a grammar slow and add no reading that anybody uses."""

LONGEST_CARDINAL = 15
"""Digits. A longer number is read digit by digit."""


def forms(*readings: str) -> Forms:
    """The alternatives that these readings spell, e.g. `forms("et cetera", "")`."""
    return tuple(tuple(reading.split()) for reading in readings)


def either(*alternatives: Forms) -> Forms:
    """All alternatives in order, each once, at most `MOST_FORMS`."""
    return tuple(dict.fromkeys(form for group in alternatives for form in group))[:MOST_FORMS]


def chain(*parts: Forms) -> Forms:
    """One part after another: the combinations of their alternatives, those of likelier parts first."""
    ranked: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    for part in parts:
        grown = [(rank + place, head + tail) for rank, head in ranked for place, tail in enumerate(part)]
        grown.sort(key=lambda item: item[0])
        ranked = grown[:MOST_FORMS]
    return either(tuple(form for _, form in ranked))


def digits(number: str) -> Forms:
    """A number read digit by digit: `007` is "zero zero seven", "oh oh seven" or "double oh seven"."""
    plain = " ".join(_spell(int(digit)) for digit in number)
    readings = [plain, plain.replace("zero", "oh")]
    if number.startswith("00") and len(number) > 2:
        readings.append(("double oh " + " ".join(_spell(int(digit)) for digit in number[2:])).strip())
    return either(forms(*readings))


@functools.lru_cache(maxsize=4096)
def cardinal(number: str) -> Forms:
    """A whole number, written with or without commas, in every usual reading."""
    number = number.replace(",", "")
    if len(number) > LONGEST_CARDINAL:
        return digits(number)
    value = int(number)
    if number != str(value):  # leading zeros: a code, not a quantity
        return either(digits(number), forms(_spell(value)))
    with_and = _spell(value)
    readings = [with_and.replace(" and ", " "), with_and]
    if value in {100, 1000, 1_000_000, 1_000_000_000}:
        readings.append("a " + with_and.partition(" ")[2])
    elif 100 < value < 200 or 1000 < value < 2000:
        readings += ["a " + reading.partition(" ")[2] for reading in readings]
    found = either(forms(*readings))
    if 1000 <= value <= 9999:
        found = either(year(number), found) if 1100 <= value <= 2099 else either(found, year(number))
    if len(number) >= 3:
        found = either(found, digits(number))
        if len(number) == 3:  # room 101, flight 747: "seven forty seven"
            found = either(found, chain(forms(_spell(int(number[0]))), _pair(number[1:])))
    return found


def year(number: str) -> Forms:
    """Four digits read as a year: `1905` is "nineteen oh five", "nineteen hundred five", ..."""
    century, rest = number[:2], number[2:]
    head = forms(_spell(int(century)))
    hundreds = chain(head, forms("hundred", "hundred and"), cardinal(rest.lstrip("0")) if int(rest) else forms(""))
    hundreds = tuple(form for form in hundreds if form[-1] != "and")
    whole = _spell(int(number))
    plain = forms(whole.replace(" and ", " "), whole)
    if rest == "00":
        return either(plain, hundreds) if century in {"10", "20"} else either(hundreds, plain)
    if number.startswith("200"):
        return either(plain, chain(head, _pair(rest)))
    return either(chain(head, _pair(rest)), plain, hundreds)


def ordinal(number: str) -> Forms:
    """`21` is "twenty first"."""
    number = number.replace(",", "")
    if len(number) > LONGEST_CARDINAL:
        return digits(number)
    words = _plain(num2words(int(number), to="ordinal"))
    return either(forms(words.replace(" and ", " "), words))


def decimal(whole: str, fraction: str) -> Forms:
    """`4.50` is "four point five zero", "four point fifty", "four point five"."""
    tails = [digits(fraction)]
    stripped = fraction.rstrip("0")
    if stripped and stripped != fraction:
        tails.append(digits(stripped))
    if len(fraction) == 2 and fraction[0] != "0":
        tails.append(cardinal(fraction))
    read = chain(cardinal(whole or "0"), forms("point"), either(*tails))
    if whole in {"", "0"}:
        read = either(read, chain(forms("point", "oh point"), either(*tails)))
    return either(read, chain(cardinal(whole or "0"), forms("dot"), digits(fraction)))


def amount(number: str) -> Forms:
    """A number as it is written, with or without commas and a decimal point; several points make a version."""
    whole, *fractions = number.split(".")
    if not fractions:
        return cardinal(whole)
    if len(fractions) == 1:
        return decimal(whole, fractions[0])
    parts: list[Forms] = [cardinal(whole or "0")]
    for fraction in fractions:
        parts += [forms("point", "dot", ""), cardinal(fraction)]
    return chain(*parts)


def fraction(above: str, below: str) -> Forms:
    """`3/4` is "three quarters", "three fourths", "three slash four", "three over four"; `24/7` may be "... seven"."""
    top, bottom = int(above or "0"), int(below or "0")
    spoken = chain(cardinal(above), forms("slash", "", "over", "out of", "of"), cardinal(below))
    if not (0 < top < 1000 and 1 < bottom <= 100):
        return spoken
    name = "half" if bottom == 2 else _plain(num2words(bottom, to="ordinal"))
    names = [name] + (["quarter"] if bottom == 4 else [])
    if top > 1:
        names = ["halves" if each == "half" else each + "s" for each in names]
    read = chain(cardinal(above), forms(*reversed(names)))
    if top == 1:
        article = "an" if name[0] in "aeiou" else "a"
        read = either(read, forms(*(f"{article} {each}" for each in reversed(names))))
    return either(read, spoken) if top < bottom <= 16 else either(spoken, read)


def clock(hour: str, minute: str) -> Forms:
    """`10:30` is "ten thirty", `9:05` "nine oh five", `7:00` "seven", "seven o'clock", ..."""
    head = cardinal(str(int(hour)))
    if int(minute) == 0:
        return chain(head, forms("", "o'clock", "hundred", "zero zero", "oh oh", "hundred hours"))
    read = chain(head, _pair(minute))
    if int(minute) == 30:
        read = either(read, chain(forms("half past"), head))
    return read


def money(number: str, unit: tuple[str, str], hundredth: tuple[str, str], magnitudes: Iterable[str]) -> Forms:
    """`4.50` of dollar is "four dollars fifty", "four dollars and fifty cents", "dollar four point five zero", ..."""
    one, several = unit
    scale = forms(*magnitudes) or forms("")
    whole, _, cents = number.partition(".")
    whole = whole or "0"
    is_one = whole == "1" and scale == forms("")
    name = forms(one, several) if is_one else forms(several, one)
    as_written = chain(amount(number), scale)
    found: list[Forms] = []
    if len(cents) == 2 and scale == forms("") and cents.isdigit():
        big, small = cardinal(whole)[:2], cardinal(str(int(cents)))[:1]
        coin = forms(hundredth[0] if cents == "01" else hundredth[1])
        name = name[:1]
        if int(cents) == 0:
            found.append(chain(big, name))
        elif int(whole.replace(",", "") or "0") == 0:
            found.append(chain(small, coin))
        else:
            found.append(chain(big, name, forms("and"), small, coin))
            found.append(chain(big, name, small))
            found.append(chain(big, name, small, coin))
            found.append(chain(big, small))
    found.append(chain(as_written[:2], forms(one, several) if is_one else forms(several, one)))
    # espeak-ng reads the sign where it stands, mostly in the singular: "dollar four point five zero".
    found.append(chain(forms(one, several), as_written[:2]))
    found.append(as_written[:3])
    return either(*found)


def _pair(two: str) -> Forms:
    if two == "00":
        return forms("hundred", "zero zero", "oh oh")
    if two[0] == "0":
        unit = _spell(int(two[1]))
        return forms(f"oh {unit}", f"zero {unit}", unit)
    return forms(_spell(int(two)))


def _spell(value: int) -> str:
    return _plain(num2words(value))


def _plain(words: str) -> str:
    return words.replace(",", "").replace("-", " ")
