"""The script's words as written, and how each may be read aloud: numbers, money, dates, abbreviations, addresses, ...

The transcriber builds its grammar from all alternatives; the planner compares words by the first. English. Pure.
"""

import functools
import re
import unicodedata
from collections.abc import Callable

from shared.spoken_letters import SILENT, letters, symbol
from shared.spoken_numbers import (
    Forms,
    amount,
    cardinal,
    chain,
    clock,
    digits,
    either,
    forms,
    fraction,
    money,
    ordinal,
)
from shared.spoken_tables import ABBREVIATIONS, CURRENCIES, FOLDED_LETTERS, MAGNITUDES, MONTHS, SYMBOLS, UNITS

# A dash or an ellipsis between two words is a pause that was typed without spaces.
_TYPED_PAUSE = re.compile(
    r"(?<=[^\W\d_])([—–]+|-{2,}|\.{3,}|…)(?=\w)|(?<=\w)([—–]+|-{2,}|\.{3,}|…)(?=[^\W\d_])|(?<=\w)(—)(?=\w)"
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0020-\U000e007f]")
_WRAPPING_BEFORE = '"([{¿¡.,;:!?-*_~|'
_WRAPPING_AFTER = '")]},;:!?-*_~|'
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_CHUNK = re.compile(rf"\d+(?:\.\d+){{2,}}|(?:{_NUMBER})|[A-Za-z]+(?:'[A-Za-z]+)*|\S")


def script_tokens(text: str) -> tuple[str, ...]:
    """The script's words as written, punctuation kept: split at white space and at dashes typed without spaces.

    "Wait—what? It's $4.50." -> ("Wait—", "what?", "It's", "$4.50."). Tokens that nobody reads aloud (a lone dash,
    an emoji) are tokens too: their `spoken_forms` contain the silent alternative.
    """
    parted = _TYPED_PAUSE.sub(lambda pause: f"{pause[0]} ", text)
    return tuple(parted.split())


def normalised_words(text: str) -> tuple[str, ...]:
    """The likeliest reading of a text as plain words: the first alternative of each token, joined."""
    return tuple(word for token in script_tokens(text) for word in spoken_forms(token)[0])


@functools.lru_cache(maxsize=65_536)
def spoken_forms(token: str) -> Forms:
    """The readings of one token: up to 24 alternatives, the likeliest first, never none.

    Each alternative is a sequence of plain words of the letters a to z and the apostrophe. The empty alternative
    `()` means that the token may be silent: an emoji, a lone dash.
    """
    visible = token if token.isascii() else _INVISIBLE.sub("", token)
    plain = _folded(visible)
    core = _unwrapped(plain)
    if not core:
        return _signs(visible)
    closing_mark_is_a_unit = core[-1] in "'\""
    whole = core if closing_mark_is_a_unit else plain.strip('"()[]{},;:!?*_')
    if _is_plain_word(core) and SPECIAL_WORDS.isdisjoint((core.lower(), whole.lower())):
        return ((core.lower(),),)
    for candidate in dict.fromkeys((whole, core)):
        for rule in RULES if any(map(str.isdecimal, candidate)) else RULES_WITHOUT_DIGITS:
            found = _only_words(rule(candidate))
            if found:
                return found
    found = _only_words(_chunks(core))
    return found or SILENT


def _is_plain_word(core: str) -> bool:
    """True for what most tokens are: a word in small letters, the first one perhaps a capital."""
    return core.isascii() and core.isalpha() and (core[1:].islower() or len(core) == 1)


def _folded(token: str) -> str:
    if token.isascii():
        return token.translate(FOLDED_LETTERS)
    # Fractions and raised digits are signs of the table; compatibility decomposition would melt 2½ into 21/2.
    letters = [
        sign if sign in SYMBOLS and sign not in "ß−" else unicodedata.normalize("NFKD", sign.translate(FOLDED_LETTERS))
        for sign in token
    ]
    plain = "".join(letters).translate(FOLDED_LETTERS)
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


def _unwrapped(token: str) -> str:
    core = token.lstrip("'" + _WRAPPING_BEFORE) if not re.match(r"[.\-]\d|~\d", token) else token
    core = core.rstrip("'" + _WRAPPING_AFTER + ".")
    # A sign that closes a measure is not a quotation mark: 6', 5".
    if re.fullmatch(r"\d+", core) and token.endswith((core + "'", core + '"')) and not token.startswith(("'", '"')):
        return core + token[-1]
    return core


def _signs(token: str) -> Forms:
    names = [symbol(sign) for sign in token if sign in SYMBOLS or unicodedata.category(sign) in {"So", "Sm", "Lo"}]
    if not names:
        return SILENT
    return _only_words(either(SILENT, chain(*names))) if not _is_read(token) else _only_words(chain(*names))


def _is_read(token: str) -> bool:
    return all(SYMBOLS.get(sign, ("",))[0] for sign in token)


def _only_words(found: Forms) -> Forms:
    if not found:
        return ()
    kept = (tuple(word for word in form if re.search("[a-z]", word)) for form in found)
    clean = [form for form in kept if all(re.fullmatch("[a-z']+", word) for word in form)]
    return either(tuple(clean))


def _chunks(token: str) -> Forms:
    """Any token, read part by part: letters as words, digits as numbers, signs by their names."""
    parts = _CHUNK.findall(token)[:40]
    read = []
    for place, part in enumerate(parts):
        if part[0].isdigit() or (part[0] == "." and len(part) > 1):
            read.append(amount(part) if part[0].isascii() else symbol(part))
        elif part[0].isascii() and part[0].isalpha():
            read.append(letters(part, after_number=place == 1 and parts[0][-1].isdigit()))
        elif part == ".":
            read.append(forms("dot", "point", ""))
        elif part == "-":
            before = parts[place - 1][-1] if place else ""
            after = parts[place + 1][0] if place + 1 < len(parts) else ""
            both_digits = before.isdigit() and after.isdigit()
            read.append(forms("to", "", "dash", "minus") if both_digits else forms("", "dash", "hyphen"))
        elif part == "'":
            read.append(SILENT)
        else:
            read.append(symbol(part))
    return chain(*read)


def _read_abbreviation(token: str) -> Forms:
    lower = token.lower()
    known = ABBREVIATIONS.get(lower)
    if known is not None:
        return either(forms(*known), _chunks(lower.strip(".'")))
    if lower in MAGNITUDES and len(lower) > 2:  # "$5 million" is read "five million dollars"
        return chain(forms(*MAGNITUDES[lower]), forms("", "dollars", "euros", "pounds"))
    if token.startswith("#") and token[1:].isalpha():
        return chain(forms("hashtag", "hash", ""), letters(token[1:]))
    return ()


def _read_unit(token: str) -> Forms:
    """A unit that stands alone after its number: `5 kg`. `in` is a word first, `kg` a unit first."""
    lower = token.lower()
    if lower not in UNITS or len(lower) < 2:
        return ()
    named, written = forms(*UNITS[lower]), _chunks(token)
    return either(written, named) if re.search("[aeiou]", lower) else either(named, written)


def _read_roman(token: str) -> Forms:
    if not re.fullmatch(r"(?=[IVX]{2,})X{0,3}(IX|IV|V?I{0,3})", token):
        return ()
    values = {"I": 1, "V": 5, "X": 10}
    each = [values[letter] for letter in token]
    value = str(sum(-now if now < after else now for now, after in zip(each, [*each[1:], 0], strict=True)))
    plain, nth = cardinal(value)[:1], ordinal(value)[:1]
    return either(plain, chain(forms("the", ""), nth), chain(forms("roman"), plain), letters(token))


def _read_initials(token: str) -> Forms:
    if not re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]?\.?(?:'s)?", token) or len(token) < 2:
        return ()
    letters = [letter.lower() for letter in re.findall(r"[A-Za-z](?![a-z])", token.removesuffix("'s"))]
    return forms(" ".join(letters) + ("'s" if token.endswith("'s") else ""))


def _read_address(token: str) -> Forms:
    found = re.fullmatch(
        r"(?P<scheme>https?://|mailto:)?(?P<rest>(?:[\w.+-]+@)?(?:[\w-]+\.)+[A-Za-z]{2,12}(?::\d+)?(?:[/?#]\S*)?)",
        token,
    )
    if not found or re.fullmatch(r"[\d.]+[A-Za-z]+", token):
        return ()
    parts: list[Forms] = []
    if found["scheme"]:
        scheme, _, _ = found["scheme"].partition(":")
        read = chain(letters(scheme.upper())[:1], forms("colon"), forms("slash slash", ""))
        parts.append(either(read, SILENT))
    for part in re.findall(r"[A-Za-z]+|\d+|\S", found["rest"].rstrip("/.,")):
        if part.isdigit():
            parts.append(cardinal(part)[:2])
        elif part.isalpha():
            parts.append(forms("w w w") if part.lower() == "www" else letters(part)[:2])
        else:
            named = {".": ("dot",), "/": ("slash",), "@": ("at",), "-": ("dash", ""), "_": ("underscore", "")}
            parts.append(forms(*named.get(part, SYMBOLS.get(part, ("",)))))
    read = chain(*parts)
    if parts[0] == forms("w w w"):  # many leave it out
        read = either(read, chain(*parts[2:]))
    return read


def _read_money(token: str) -> Forms:
    signs = "".join(CURRENCIES)
    found = re.fullmatch(
        rf"(?P<minus>-)?(?:US|CA|A|C)?(?P<sign>[{signs}])(?P<number>{_NUMBER})-?(?P<scale>[A-Za-z]+)?(?P<plus>\+)?",
        token,
    ) or re.fullmatch(rf"(?P<minus>-)?(?P<number>{_NUMBER})(?P<sign>[{signs}])(?P<scale>)(?P<plus>)", token)
    if not found:
        return ()
    scale = (found["scale"] or "").lower()
    if scale and scale not in MAGNITUDES:
        return ()
    read = money(found["number"], *CURRENCIES[found["sign"]], MAGNITUDES[scale] if scale else ())
    minus, plus = forms("minus") if found["minus"] else SILENT, forms("plus", "") if found["plus"] else SILENT
    return chain(minus, read, plus)


def _read_clock(token: str) -> Forms:
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?-?([AaPp]\.?[Mm]\.?)?", token)
    if not found:
        return ()
    half = forms(" ".join(found[4].lower().replace(".", ""))) if found[4] else SILENT
    if found[3]:
        return chain(clock(found[1], found[2]), _small(found[3]), half)
    return either(
        chain(clock(found[1], found[2]), half), chain(cardinal(found[1]), forms("to", "colon"), _small(found[2]))
    )


def _small(number: str) -> Forms:
    return either(cardinal(str(int(number))), digits(number))


def _read_date(token: str) -> Forms:
    found = re.fullmatch(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})", token)
    iso = re.fullmatch(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})", token)
    if not found and not iso:
        return ()
    if found:
        month, day, written_year = int(found[1]), int(found[3]), found[4]
        sign = found[2]
    else:
        assert iso is not None
        month, day, written_year, sign = int(iso[3]), int(iso[4]), iso[1], iso[2]
    sign_read = forms({"/": "slash", ".": "point", "-": "dash"}[sign], "")
    fields = re.split(r"[/.-]", token)
    as_written = chain(
        *(part for field in fields for part in (sign_read, either(_small(field)[:2], cardinal(field)[:3])))
    )
    # The first separator stands before the first field only to keep the pattern regular.
    as_written = tuple(form[1:] if form and form[0] in {"slash", "point", "dash"} else form for form in as_written)
    years = either(cardinal(written_year)[:2], _small(written_year)[:1])
    spoken: Forms = ()
    if 1 <= month <= 12 and 1 <= day <= 31:
        name = forms(MONTHS[month - 1])
        nth = either(ordinal(str(day)), cardinal(str(day)))
        spoken = either(chain(name, nth, years), chain(forms("the", ""), nth[:1], forms("of"), name, years))
    return either(spoken[:12], as_written[:12], spoken)


def _read_ordinal(token: str) -> Forms:
    found = re.fullmatch(r"(\d[\d,]*)(?:st|nd|rd|th|ST|ND|RD|TH)", token)
    return ordinal(found[1]) if found else ()


def _read_decade(token: str) -> Forms:
    found = re.fullmatch(r"'?(\d{1,3}0)'?s", token)
    if not found:
        return ()
    plurals = []
    for form in either(cardinal(found[1]), cardinal(found[1][-2:]) if token[0] == "'" else ()):
        last = form[-1]
        plural = last[:-1] + "ies" if last.endswith("y") else last + "s"
        plurals += [(*form[:-1], plural), (*form, "s"), (*form, "z")]
    plain = tuple(form for form in plurals if form[-1] not in {"s", "z"})
    return either(plain[:8], tuple(plurals))


def _read_measure(token: str) -> Forms:
    found = re.fullmatch(rf"([-+~]?)({_NUMBER})-?(°?[A-Za-z]+(?:/[A-Za-z])?|°|'|\"|[ap]\.m\.?)(\+?)", token)
    if not found or found[3].lower() not in UNITS:
        return ()
    before = {"": SILENT, "-": forms("minus", "negative"), "+": forms("plus"), "~": forms("about", "tilde", "")}[
        found[1]
    ]
    unit = found[3].lower()
    spelled = forms(" ".join(re.findall("[a-z]", unit)))
    read = either(forms(*UNITS[unit]), spelled) if spelled[0] else forms(*UNITS[unit])
    return chain(before, amount(found[2]), read, forms("plus", "") if found[4] else SILENT)


def _read_number(token: str) -> Forms:
    found = re.fullmatch(rf"([-+~#]?)({_NUMBER})([%+]?)", token)
    if not found:
        return ()
    signs = {"": SILENT, "-": forms("minus", "negative", ""), "+": forms("plus", "")}
    before = signs.get(found[1]) or forms(*SYMBOLS[found[1]])
    after = {"": SILENT, "+": forms("plus", ""), "%": forms(*SYMBOLS["%"])}[found[3]]
    read = amount(found[2])
    if found[2].isdigit() and 1 <= int(found[2]) <= 31 and len(found[2]) <= 2 and not found[1] + found[3]:
        # A day of the month: "January 5" is read "January fifth".
        read = either(read, chain(forms("", "the"), ordinal(str(int(found[2])))))
    return chain(before, read, after)


def _read_between(token: str) -> Forms:
    """Ranges, scores, fractions, telephone numbers: digits parted by one sign."""
    found = re.fullmatch(r"(\d+)/(\d+)", token)
    if found and len(token) <= 9:
        return fraction(found[1], found[2])
    found = re.fullmatch(r"(\d+):(\d+)", token)
    if found:
        return chain(cardinal(found[1]), forms("to", "", "colon"), cardinal(found[2]))
    found = re.fullmatch(r"(\d+)([½¼¾⅓⅔⅛])", token)
    if found:
        whole_and_part = (reading for reading in SYMBOLS[found[2]] if reading.startswith("and "))
        return chain(cardinal(found[1])[:2], forms(*whole_and_part, *SYMBOLS[found[2]]))
    found = re.fullmatch(rf"({_NUMBER}|[$£€](?:{_NUMBER}))-({_NUMBER}|[$£€](?:{_NUMBER}))(%?)", token)
    if not found:
        return ()
    after = forms(*SYMBOLS["%"]) if found[3] else SILENT
    ends = [_read_money(part) or amount(part) for part in (found[1], found[2])]
    if len(found[1]) == 3 and len(found[2]) == 4 and token.replace("-", "").isdigit():
        apart = chain(digits(found[1])[:2], forms("", "dash"), either(digits(found[2])[:2], cardinal(found[2])[:2]))
        return either(apart, chain(ends[0][:2], forms("", "dash"), ends[1][:4]))
    return chain(ends[0][:4], forms("to", "dash", "", "through"), ends[1][:4], after)


RULES: tuple[Callable[[str], Forms], ...] = (
    _read_abbreviation,
    _read_unit,
    _read_roman,
    _read_initials,
    _read_money,
    _read_clock,
    _read_date,
    _read_ordinal,
    _read_decade,
    _read_number,
    _read_measure,
    _read_between,
    _read_address,
)
RULES_WITHOUT_DIGITS = (_read_abbreviation, _read_unit, _read_roman, _read_initials, _read_address)
"""The same without those that want a digit: most words have none, and each rule costs about as much as the answer."""

SPECIAL_WORDS = frozenset({*ABBREVIATIONS, *MAGNITUDES, *UNITS})
"""Written like any word, and read otherwise."""
