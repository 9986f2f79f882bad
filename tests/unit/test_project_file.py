"""What a project file is turned into, and what its author is told when it is wrong."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.project import Clip
from shared.project_file import LARGEST_FILE_BYTES, LoadedProject, ProjectFileError, load_project

SOUND = """\
name: lighthouse
output: {width: 1280, height: 720, fps: 29.97}
music:
  file: music/bed.wav
scenes:
  - id: dusk
    narration: >-
      At the edge of the map
      stands a lighthouse.
    clips: [clips/dusk.mp4]
    pause_after: 1.2s
  - id: keeper
    narration: The keeper climbs.
    clips:
      - file: clips/keeper.mp4
      - ../shared.mp4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with its media; the media is only ever looked at from outside here."""
    folder = tmp_path / "film"
    for name in ("music/bed.wav", "clips/dusk.mp4", "clips/keeper.mp4", "../shared.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"media")
    return folder


def written(folder: Path, text: str | bytes, name: str = "project.yaml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> ProjectFileError:
    with pytest.raises(ProjectFileError) as caught:
        load_project(path)
    return caught.value


def told(folder: Path, text: str, name: str = "project.yaml") -> list[str]:
    """What the terminal shows, line by line, without the folder."""
    return str(refusal(written(folder, text, name))).replace(f"{folder}{os.sep}", "").split("\n")


class TestASoundFile:
    def test_becomes_a_project_and_its_sources(self, folder: Path) -> None:
        loaded = load_project(written(folder, SOUND))
        assert loaded.project.output.fps == Fraction(30000, 1001)
        assert [scene.pause_after_ms for scene in loaded.project.scenes] == [1200, 400]
        assert loaded.project.scenes[0].narration == "At the edge of the map stands a lighthouse."
        assert loaded.project.scenes[1].clips == (Clip(file="clips/keeper.mp4"), Clip(file="../shared.mp4"))
        assert loaded.sources == {
            "music/bed.wav": folder / "music/bed.wav",
            "clips/dusk.mp4": folder / "clips/dusk.mp4",
            "clips/keeper.mp4": folder / "clips/keeper.mp4",
            "../shared.mp4": folder.parent / "shared.mp4",
        }
        assert loaded.folder == folder

    def test_may_be_json(self, folder: Path) -> None:
        document = {"name": "a", "scenes": [{"id": "a", "narration": "Hi 😀", "clips": ["clips/dusk.mp4"]}]}
        loaded = load_project(written(folder, json.dumps(document, indent="\t"), "project.json"))
        assert loaded.project.scenes[0].narration == "Hi 😀"

    @pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
    def test_may_come_from_any_editor(self, folder: Path, line_end: str) -> None:
        loaded = load_project(written(folder, b"\xef\xbb\xbf" + SOUND.replace("\n", line_end).encode()))
        assert loaded.project == load_project(written(folder, SOUND)).project

    def test_is_found_from_any_working_folder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        written(folder, SOUND)
        monkeypatch.chdir(folder.parent)
        assert load_project(Path("film/project.yaml")).sources["clips/dusk.mp4"] == folder / "clips/dusk.mp4"

    def test_lets_a_later_look_at_the_media_name_the_line(self, folder: Path) -> None:
        loaded = load_project(written(folder, SOUND))
        error = loaded.refused({"clips/dusk.mp4": ("It is a text.", "Name a video.")})
        expected = f"{folder}/project.yaml:10:13: scenes[0].clips[0]: It is a text. Name a video."
        assert str(error) == expected
        kinds = [(mention.kind, mention.source) for mention in loaded.mentions]
        assert kinds[:2] == [("music", "music/bed.wav"), ("clip", "clips/dusk.mp4")]


class TestMistakes:
    def test_are_told_all_at_once_in_the_order_of_the_file(self, folder: Path) -> None:
        text = """\
name: My Film
nmae: x
fps: 25
output: {width: 1281, fps: 0, loudness: -14.5, encoder: {preset: fsat, crf: "18"}}
voice:
fit: {slowest: 0.1, fill: 3}
words: []
scenes:
  - id: a b
    narration: >-
      Hello there
      my <emphasis>friend</emphasis>.
    clips: [clips/Dusk.mp4, clips, "", 3]
    pause_after: soon
  - id: 5
    naration: Hi
    clips: clips/dusk.mp4
    pause_after_ms: 5
  - 7
"""
        assert told(folder, text) == [
            'project.yaml:1:7: name: "My Film" has characters that cannot stand here, or too many. '
            "Write `name`: names the video and its file: small letters, digits and dashes. For example `my-film`.",
            "project.yaml:2:1: nmae: Unknown key `nmae`. Did you mean `name`?",
            "project.yaml:3:1: fps: Unknown key `fps`. It belongs under `output`.",
            "project.yaml:4:17: output.width: The number 1281 is not a multiple of 2. Write 1280.",
            "project.yaml:4:28: output.fps: 0 frames per second is not between 1 and 240. "
            "Write 24, 25, 30 or 30000/1001.",
            "project.yaml:4:41: output.loudness: The number -14.5 stands where a whole number is expected. "
            "Write a whole number from -31 to -9.",
            'project.yaml:4:66: output.encoder.preset: "fsat" is not a choice here. Did you mean `fast`?',
            'project.yaml:4:77: output.encoder.crf: "18" stands where a whole number is expected. '
            "Take the quotes away.",
            "project.yaml:5:7: voice: There is no value. Write `voice`: who speaks.",
            "project.yaml:6:16: fit.slowest: The number 0.1 is out of range. Write a number from 0.8 to 1.",
            "project.yaml:6:27: fit.fill: The number 3 is not a choice here. "
            "Write one of `auto`, `boomerang`, `loop`, `hold`.",
            "project.yaml:7:8: words: A list stands where a group of keys is expected. "
            "Write its keys: `engine`, `model`, `language`, `buy_again`.",
            'project.yaml:9:9: scenes[0].id: "a b" has characters that cannot stand here, or too many. '
            "Write `id`: names the scene in tables and messages: letters, digits, - and _; "
            "no two scenes have the same. For example `a-b`.",
            "project.yaml:12:10: scenes[0].narration: <emphasis> is not supported; the tags are <break>, <prosody>, "
            '<p>, <s>, <sub>, <say-as>. Slow the words down instead: <prosody rate="90%">.',
            "project.yaml:13:13: scenes[0].clips[0]: clips/Dusk.mp4 does not exist. Did you mean clips/dusk.mp4?",
            "project.yaml:13:29: scenes[0].clips[1]: clips is a folder. Name a file in it.",
            "project.yaml:13:36: scenes[0].clips[2]: The text is empty. "
            "Write `file`: the video file, relative to the project file.",
            "project.yaml:13:40: scenes[0].clips[3]: The number 3 stands where a path is expected. "
            "Write the path of a video file.",
            'project.yaml:14:18: scenes[0].pause_after: "soon" is not a time. Write 400, "400ms" or "1.5s".',
            "project.yaml:15:5: scenes[1].narration: `narration` is missing. Write `narration`: what the voice says: "
            "plain text, or text with <break>, <prosody rate>, <p>, <s>, <sub alias>, <say-as>.",
            "project.yaml:15:9: scenes[1].id: The number 5 stands where text is expected. Put it in quotes.",
            "project.yaml:16:5: scenes[1].naration: Unknown key `naration`. Did you mean `narration`?",
            'project.yaml:17:12: scenes[1].clips: "clips/dusk.mp4" stands where a list is expected. '
            "Write a list: clips: [clips/dusk.mp4].",
            "project.yaml:18:5: scenes[1].pause_after_ms: Unknown key `pause_after_ms`. Did you mean `pause_after`?",
            "project.yaml:19:5: scenes[2]: The number 7 stands where a group of keys is expected. "
            "Write its keys: `id`, `narration`, `clips`, `pause_after`, `recording`, `transition`, `fit`.",
        ]

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("1280", "true", "2:17: output.width: `true` stands where a whole number is expected."),
            ("1280", "1e999", "2:17: output.width: The number inf stands where a whole number is expected."),
            ("1280", "99998", "2:17: output.width: The number 99998 is out of range. Write a number from 16 to 7680."),
            ("29.97", "quick", '2:41: output.fps: "quick" is not a frame rate. Write 24, 25, 30 or 30000/1001.'),
            ("1.2s", "70000", "11:18: scenes[0].pause_after: The number 70000 is out of range."),
            ("1.2s", "1.2", "11:18: scenes[0].pause_after: 1.2 is no time without its unit. Write 400, "),
            ("id: keeper", "id: dusk", '12:9: scenes[1].id: Two scenes have the id "dusk": scenes[0] and this one.'),
            ("id: keeper", "id: keeper\n    id: k", "13:5: scenes[1].id: The key stands twice. Keep one of them."),
            ("id: keeper", "id: ''", '12:9: scenes[1].id: "" has characters that cannot stand here, or too many.'),
            ("The keeper climbs.", "'...'", "13:17: scenes[1].narration: There is nothing to say"),
            ("The keeper climbs.", "<break/>", "13:16: scenes[1].narration: There is nothing to say"),
            ("The keeper climbs.", '""', "13:16: scenes[1].narration: The text is empty."),
            (
                "The keeper climbs.",
                "1862",
                "13:16: scenes[1].narration: The number 1862 stands where text is expected.",
            ),
            ("The keeper climbs.", "a" * 20_001, "13:16: scenes[1].narration: The text has 20,001 characters."),
            ("lighthouse.", "<p>lighthouse.", "9:16: scenes[0].narration: <p> is never closed."),
            ("[clips/dusk.mp4]", "[]", "10:12: scenes[0].clips: The list is empty."),
            ("[clips/dusk.mp4]", f"[{'clips/dusk.mp4,' * 9}]", "10:12: scenes[0].clips: The list has 9 entries."),
            ("[clips/dusk.mp4]", "[{}]", "10:13: scenes[0].clips[0].file: `file` is missing."),
            ("[clips/dusk.mp4]", "['']", "10:13: scenes[0].clips[0]: The text is empty."),
            ("clips/dusk.mp4", "nowhere/a.mp4", "10:13: scenes[0].clips[0]: nowhere/a.mp4 does not exist. There is no"),
            ("clips/dusk.mp4", "a\\0.mp4", "10:13: scenes[0].clips[0]: a\\0.mp4 does not exist. It was looked for at"),
            ("clips/dusk.mp4", '"a\\0.mp4"', "10:13: scenes[0].clips[0]: a\0.mp4 cannot be read: it is no path."),
            ("clips/dusk.mp4", "clips/dusk.mp4/a", "10:13: scenes[0].clips[0]: clips/dusk.mp4/a cannot be read: Not a"),
            (
                "clips/dusk.mp4",
                "a" * 400,
                f"10:13: scenes[0].clips[0]: {'a' * 200} cannot be read: File name too long.",
            ),
            ("clips/dusk.mp4", "https://x.org/a.mp4", "10:13: scenes[0].clips[0]: https://x.org/a.mp4 is an address"),
            (
                "  file: music/bed.wav",
                "  fle: music/bed.wav",
                "4:3: music.fle: Unknown key `fle`. Did you mean `file`?",
            ),
            (
                "  file: music/bed.wav",
                "  weather: rain",
                "4:3: music.weather: Unknown key `weather`. The keys here are",
            ),
            (
                "  file: music/bed.wav",
                "  pause_after: 1",
                "4:3: music.pause_after: Unknown key `pause_after`. It belongs",
            ),
            (
                "  file: music/bed.wav",
                "  - a.wav",
                '4:5: music[0]: "a.wav" stands where a group of keys is expected.',
            ),
            ("music:", "voice: {engine: recorded}\nmusic:", "3:8: voice: The voice is `recorded`, but no recording is"),
            ("name: lighthouse", "", "2:1: name: `name` is missing."),
            ("scenes:", "scene:", "5:1: scene: Unknown key `scene`. Did you mean `scenes`?"),
        ],
    )
    def test_are_told_with_line_cause_and_remedy(self, folder: Path, old: str, new: str, message: str) -> None:
        assert any(line.startswith(f"project.yaml:{message}") for line in told(folder, SOUND.replace(old, new, 1)))

    def test_never_speak_the_language_of_the_library(self, folder: Path) -> None:
        jargon = ("Input should", "validation", "Field required", "pydantic", "NoneType", "dict", "str ", "Traceback")
        for old in ("lighthouse", "1280", "29.97", "music/bed.wav", "dusk", "1.2s", "[clips/dusk.mp4]", "keeper"):
            for new in ("", "[]", "{}", "7", "true", "-1.5", "x y", "'9'", "[[1]]", "{file: {}}"):
                try:
                    load_project(written(folder, SOUND.replace(old, new, 1)))
                except ProjectFileError as error:
                    message = str(error)
                else:
                    message = ""
                assert not any(word in message for word in jargon), message

    def test_of_recordings_are_told_even_where_other_things_are_wrong(self, folder: Path) -> None:
        text = SOUND.replace("id: dusk", "recording: a.wav").replace("name: lighthouse", "voice: {engine: recorded}")
        lines = told(folder, text)
        assert any("scenes[1]: The scene has no `recording`, but others have." in line for line in lines)
        assert any("scenes[0].recording: a.wav does not exist." in line for line in lines)
        assert any("scenes[0].id: `id` is missing." in line for line in lines)

    def test_in_great_number_are_not_all_shown(self, folder: Path) -> None:
        scenes = "".join(f"  - {{id: s{number}, narration: Hi, clips: [no.mp4]}}\n" for number in range(60))
        lines = told(folder, f"name: a\nscenes:\n{scenes}")
        assert len(lines) == 51
        assert lines[-1] == "project.yaml: and 10 more."

    def test_of_json_are_told_by_line_too(self, folder: Path) -> None:
        text = (
            '{\n  "name": "a",\n  "scenes": [{"id": "a", "narration": "Hi \\u2019<p>", "clips": ["clips/dusk.mp4"]}]\n}'
        )
        column = text.splitlines()[2].index("<p>") + 1
        assert told(folder, text, "project.json") == [
            f"project.json:3:{column}: scenes[0].narration: <p> is never closed. Write </p> where it ends."
        ]


class TestFilesThatAreNoProject:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "project.yaml: The file is empty."),
            (b"# nothing\n", "project.yaml: The file is empty."),
            (b"\x89PNG\r\n\0\0", "project.yaml: The file is not text."),
            ("name: a".encode("utf-16"), "project.yaml: The file is not text."),
            ("name: a\nx: café\n".encode("latin-1"), "project.yaml:2:1: The line is not UTF-8 text."),
            (b"just words", 'project.yaml:1:1: The file holds "just words", not keys.'),
            (b"[1, 2]", "project.yaml:1:1: The file holds a list, not keys."),
            (b"a: [", "project.yaml:1:5: A value is missing here."),
            (b"# " + b"x" * LARGEST_FILE_BYTES, "project.yaml: The file is larger than 8 MiB."),
        ],
        ids=["empty", "comment", "picture", "utf-16", "latin-1", "words", "list", "bracket", "huge"],
    )
    def test_are_refused_in_one_line(self, folder: Path, content: bytes, message: str) -> None:
        lines = str(refusal(written(folder, content))).replace(f"{folder}{os.sep}", "").split("\n")
        assert len(lines) == 1
        assert lines[0].startswith(message)

    def test_are_refused_when_they_are_not_there_or_no_file(self, folder: Path) -> None:
        written(folder, SOUND)
        assert "The file does not exist. Did you mean" in str(refusal(folder / "projct.yaml"))
        assert "There is no folder" in str(refusal(folder / "x" / "project.yaml"))
        assert "The file is a folder." in str(refusal(folder))
        os.mkfifo(folder / "pipe.yaml")
        assert "The file is not a file." in str(refusal(folder / "pipe.yaml"))

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
    def test_are_refused_when_they_may_not_be_read(self, folder: Path) -> None:
        path = written(folder, SOUND)
        path.chmod(0)
        assert "The file cannot be read." in str(refusal(path))

    def test_sources_that_are_empty_are_refused(self, folder: Path) -> None:
        (folder / "music/bed.wav").write_bytes(b"")
        assert told(folder, SOUND) == [
            "project.yaml:4:9: music.file: music/bed.wav is empty. Make it again, or name another."
        ]

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
    @given(data=st.data())
    def test_whatever_happens_to_a_file_it_is_read_or_refused(self, folder: Path, data: st.DataObject) -> None:
        content = bytearray(SOUND.encode())
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(content)))
            content[at : at + data.draw(st.integers(0, 12))] = data.draw(
                st.binary(max_size=4) | st.sampled_from([b"<p>", b": ", b"\n", b"[", b"{", b"- ", b'"', b"&x", b"1"])
            )
        outcome: LoadedProject | ProjectFileError
        try:
            outcome = load_project(written(folder, bytes(content)))
        except ProjectFileError as error:
            outcome = error
        lines = bytes(content).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for problem in outcome.problems if isinstance(outcome, ProjectFileError) else ():
            assert problem.cause
            assert problem.remedy
            if problem.position:
                assert 1 <= problem.position.line <= len(lines)
                assert 1 <= problem.position.column <= len(lines[problem.position.line - 1]) + 1
