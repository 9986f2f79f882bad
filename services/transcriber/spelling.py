"""Words that voices and people read letter by letter. Pure."""

VOWELS = frozenset("aeiouy")

# Every pair of consonants with which a common English word begins, silent ones ("gnome", "psalm") included.
_OPENINGS = """bl br ch cl cr dr dw fl fr gh gl gn gr kl kn kr ll ph pl pr ps pt qu rh sc sh sk sl sm sn sp sq st sv sw
th tr ts tw tz wh wr zh""".split()  # noqa: SIM905


def looks_unsayable(word: str) -> bool:
    """True where a word of small letters begins with consonants that begin no English word: "lviv", "gdansk", "nginx".

    flite spells them; people who have never heard the name may, too.
    """
    opening = word[:2]
    return len(opening) == 2 and opening.isalpha() and VOWELS.isdisjoint(opening) and opening not in _OPENINGS
