"""The page about adding a voice shows the code that runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOM = ROOT / "services" / "voiceover"
PAGE = (ROOT / "docs" / "adding-a-voice.md").read_text()
SHOWN = re.findall(r"```python\n(.*?)\n```", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: str(shown.splitlines()[-1].strip()[:30]))
def test_every_piece_of_code_on_the_page_is_in_the_example_as_it_stands(shown: str) -> None:
    code = (ROOM / "openai_speech.py").read_text() + (ROOM / "app.py").read_text()
    assert shown in code, "copy it anew from services/voiceover/openai_speech.py or app.py"


def test_the_page_shows_the_voice_how_it_is_opened_and_where_it_is_named() -> None:
    assert [re.search(r"class|def|partial", shown) is not None for shown in SHOWN] == [True] * 3


def test_every_file_that_the_page_names_is_there() -> None:
    for name in re.findall(r"`([a-z_]+\.py)`", PAGE):
        assert (ROOM / name).is_file(), name
    for path in re.findall(r"`((?:services|shared|tests|docs)/[a-z_./-]*)`", PAGE):
        assert (ROOT / path).exists(), path
