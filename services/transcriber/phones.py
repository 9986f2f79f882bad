"""espeak-ng's phonemes (IPA) as the phones of the acoustic model (ARPAbet, 39 of them, no stress). Data and one reader.

For words that the pronunciation dictionary lacks: names, made-up words. The model's phones are listed in the `mdef` of
its en-us model; the IPA symbols are those that espeak-ng's English voices use (`espeak-ng --ipa`, 1.51).
"""

# Longest first where one is the beginning of another is taken care of by the reader.
PHONES_BY_IPA: dict[str, tuple[str, ...]] = {
    # Diphthongs and long vowels
    "aɪ": ("AY",),
    "aɪə": ("AY", "AH"),
    "aɪɚ": ("AY", "ER"),
    "aʊ": ("AW",),
    "aʊə": ("AW", "ER"),
    "eɪ": ("EY",),
    "ɔɪ": ("OY",),
    "oʊ": ("OW",),
    "əʊ": ("OW",),
    "iə": ("IY", "AH"),
    "iːə": ("IY", "AH"),
    "ɪə": ("IH", "R"),
    "eə": ("EH", "R"),
    "ɛə": ("EH", "R"),
    "ʊə": ("UH", "R"),
    "iː": ("IY",),
    "uː": ("UW",),
    "ɑː": ("AA",),
    "ɔː": ("AO",),
    "ɜː": ("ER",),
    "ɛː": ("EH",),
    "eː": ("EY",),
    "oː": ("AO",),
    "aː": ("AA",),
    "ɑːɹ": ("AA", "R"),
    "ɔːɹ": ("AO", "R"),
    "oːɹ": ("AO", "R"),
    "ɛɹ": ("EH", "R"),
    "ɪɹ": ("IH", "R"),
    "ʊɹ": ("UH", "R"),
    "ɚ": ("ER",),
    "ɝ": ("ER",),
    "ɜːɹ": ("ER",),
    "ɜɹ": ("ER",),
    "əɹ": ("ER",),
    # Short vowels
    "i": ("IY",),
    "ɪ": ("IH",),
    "ᵻ": ("IH",),
    "ɨ": ("IH",),
    "y": ("IY",),
    "ʏ": ("IH",),
    "e": ("EH",),
    "ɛ": ("EH",),
    "æ": ("AE",),
    "a": ("AE",),
    "ɐ": ("AH",),
    "ə": ("AH",),
    "ʌ": ("AH",),
    "ɜ": ("ER",),
    "ø": ("ER",),
    "œ": ("ER",),
    "ɑ": ("AA",),
    "ɒ": ("AA",),
    "ɔ": ("AO",),
    "o": ("OW",),
    "ʊ": ("UH",),
    "u": ("UW",),
    "ʉ": ("UW",),
    "ɯ": ("UW",),
    "ɑ̃": ("AA", "N"),
    "ɔ̃": ("AO", "N"),
    "ɛ̃": ("AE", "N"),
    "æ̃": ("AE", "N"),
    # Consonants
    "p": ("P",),
    "b": ("B",),
    "t": ("T",),
    "ɾ": ("T",),
    "ʔ": ("T",),
    "d": ("D",),
    "k": ("K",),
    "c": ("K",),
    "q": ("K",),
    "ɡ": ("G",),
    "g": ("G",),
    "ɟ": ("G",),
    "tʃ": ("CH",),
    "dʒ": ("JH",),
    "ts": ("T", "S"),
    "dz": ("D", "Z"),
    "pf": ("P", "F"),
    "f": ("F",),
    "v": ("V",),
    "β": ("V",),
    "θ": ("TH",),
    "ð": ("DH",),
    "s": ("S",),
    "z": ("Z",),
    "ʃ": ("SH",),
    "ɕ": ("SH",),
    "ç": ("HH",),
    "ʂ": ("SH",),
    "ʒ": ("ZH",),
    "ʑ": ("ZH",),
    "ʐ": ("ZH",),
    "x": ("HH",),
    "χ": ("HH",),
    "ɣ": ("G",),
    "h": ("HH",),
    "ɦ": ("HH",),
    "m": ("M",),
    "ɱ": ("M",),
    "n": ("N",),
    "ɲ": ("N", "Y"),
    "ŋ": ("NG",),
    "n̩": ("AH", "N"),
    "m̩": ("AH", "M"),
    "l": ("L",),
    "ɫ": ("L",),
    "ɬ": ("L",),
    "ʎ": ("L", "Y"),
    "l̩": ("AH", "L"),
    "əl": ("AH", "L"),
    "ɹ": ("R",),
    "r": ("R",),
    "ʁ": ("R",),
    "ʀ": ("R",),
    "ɻ": ("R",),
    "j": ("Y",),
    "w": ("W",),
    "ʍ": ("W",),
    "ɥ": ("W",),
}

MODEL_PHONES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()  # noqa: SIM905
)
"""All 39 phones of the acoustic model, silence and noises excluded."""

_LONGEST_SYMBOL = max(map(len, PHONES_BY_IPA))
_MARKS = "ˈˌ‿͡.|-"


def phones_of(ipa: str) -> tuple[str, ...]:
    """The model's phones for one word in IPA. Symbols that the table lacks are passed over; stress is dropped.

    An R that follows its own r-coloured vowel is heard once: "ER R" collapses to ER.
    """
    plain = "".join(symbol for symbol in ipa if symbol not in _MARKS)
    found: list[str] = []
    at = 0
    while at < len(plain):
        for length in range(min(_LONGEST_SYMBOL, len(plain) - at), 0, -1):
            phones = PHONES_BY_IPA.get(plain[at : at + length])
            if phones is not None:
                found.extend(phones)
                at += length
                break
        else:
            at += 1
    return tuple(
        phone for place, phone in enumerate(found) if not (phone == "R" and place and found[place - 1] == "ER")
    )
