"""Reads a project file: YAML or JSON, every problem at once, each with its line, its cause and its remedy."""

import difflib
import itertools
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, ValidationError

from shared.project import Project, disagreements, words_of_a_silent_voice
from shared.project_output import transition_after_the_last
from shared.project_problems import (
    Problem,
    ProjectFileError,
    problem_at,
    problems_of_keys,
    problems_of_values,
    spelled,
)
from shared.project_soundtrack import soundtrack_misfits
from shared.project_text import LocatedData, Position, TextError, read_text
from shared.project_values import Misfit, Place

__all__ = ["LoadedProject", "Mention", "Problem", "ProjectFileError", "load_project", "project_schema"]

LARGEST_FILE_BYTES = 8 * 1024 * 1024

SourceKind = Literal["clip", "music", "recording", "sound"]


@dataclass(frozen=True)
class Mention:
    """A place in the project file that names a source."""

    kind: SourceKind
    source: str
    """The path as it is written: a key of `LoadedProject.sources`."""
    place: str
    position: Position


@dataclass(frozen=True)
class LoadedProject:
    """A sound project file: the project, and where each file is that it names."""

    project: Project
    path: Path
    folder: Path
    """The folder that relative paths start from."""
    sources: dict[str, Path]
    """Every file that the project names, by the path that is written there. Each exists and is not empty."""
    mentions: tuple[Mention, ...]
    located: LocatedData

    def problem_at(self, place: Place, cause: str, remedy: str) -> Problem:
        """A problem of the value at a place, found by whoever knows more than the models do."""
        return problem_at(self.located, place, cause, remedy)

    def refused(self, problems: dict[str, tuple[str, str]]) -> ProjectFileError:
        """The error for sources that turned out to be unusable: by source, a cause and a remedy."""
        return ProjectFileError(
            self.path,
            [
                Problem(*problems[mention.source], mention.place, mention.position)
                for mention in self.mentions
                if mention.source in problems
            ],
        )


def load_project(path: Path) -> LoadedProject:
    """Read and check a project file; the media in its sources is not looked into. Raises `ProjectFileError`."""
    try:
        located = read_text(_text_of(path), "json" if path.suffix.lower() == ".json" else "yaml")
    except TextError as error:
        raise ProjectFileError(path, [Problem(error.cause, error.remedy, "", error.position)]) from None
    problems = problems_of_keys(located)
    project: Project | None = None
    try:
        # Strict, and from JSON: "12" is no number and 1 is not true, but a list is a tuple and a word is a choice.
        project = Project.model_validate_json(
            json.dumps(located.data), strict=True, extra="forbid", by_alias=True, by_name=False
        )
    except ValidationError as error:
        problems += problems_of_values(located, error)
    problems += _disagreements(located)
    folder = path.absolute().parent
    sources: dict[str, Path] = {}
    mentions: list[Mention] = []
    for kind, place, source in _named_files(located):
        if problem := _problem_of_file(folder, source, called=source[:200]):
            problems.append(problem_at(located, place, *problem))
            continue
        sources[source] = (folder / source).resolve()
        mentions.append(Mention(kind, source, spelled(place), located.value_position(place)))
    if problems or project is None:
        raise ProjectFileError(path, problems)
    return LoadedProject(project, path, folder, sources, tuple(mentions), located)


def project_schema() -> dict[str, JsonValue]:
    """The JSON Schema (draft 2020-12) of the project file, for editors and for `lockstep schema`."""
    schema: dict[str, JsonValue] = Project.model_json_schema(by_alias=True)
    head: dict[str, JsonValue] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lockstep project",
    }
    return head | {key: value for key, value in schema.items() if key not in head}


def _text_of(path: Path) -> str:
    """The file's text with \\n as its only line end. Raises `TextError` where it is no file, or no text."""
    if problem := _problem_of_file(Path(), str(path), called="The file"):
        raise TextError(None, *problem)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE_BYTES + 1)
    except OSError as error:
        raise TextError(None, f"The file cannot be read: {error.strerror}.", "Check its permissions.") from None
    if len(data) > LARGEST_FILE_BYTES:
        limit = f"{LARGEST_FILE_BYTES // 1024 // 1024} MiB"
        raise TextError(None, f"The file is larger than {limit}.", "Is it a project file? Media is only named in it.")
    if b"\0" in data:
        raise TextError(None, "The file is not text.", "Name a YAML or JSON file, saved as UTF-8.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TextError(Position(line, 1), "The line is not UTF-8 text.", "Save the file as UTF-8.") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _named_files(located: LocatedData) -> Iterator[tuple[SourceKind, Place, str]]:
    """Every path that is written where a path belongs, even where the rest of the file is wrong."""
    places: list[tuple[SourceKind, Place]] = [("recording", ("voice", "file")), ("music", ("music", "file"))]
    places += [("music", ("music", number, "file")) for number, _ in enumerate(_list_at(located, ("music",)))]
    places += [("sound", ("sounds", number, "file")) for number, _ in enumerate(_list_at(located, ("sounds",)))]
    for number, _ in enumerate(_list_at(located, ("scenes",))):
        places.append(("recording", ("scenes", number, "recording")))
        clips: Place = ("scenes", number, "clips")
        for position, clip in enumerate(_list_at(located, clips)):
            places.append(("clip", (*clips, position) if isinstance(clip, str) else (*clips, position, "file")))
    for kind, place in places:
        source = located.value(place)
        if isinstance(source, str) and source:
            yield kind, place, source


def _disagreements(located: LocatedData) -> list[Problem]:
    """What cannot be seen in one value alone, even where the rest of the file is wrong."""
    scenes: list[tuple[str | None, bool]] = []
    for number, _ in enumerate(_list_at(located, ("scenes",))):
        scene_id = located.value(("scenes", number, "id"))
        recording = located.value(("scenes", number, "recording"))
        scenes.append((scene_id if isinstance(scene_id, str) else None, recording is not None))
    engine = located.value(("voice", "engine"))
    has_one_recording = located.value(("voice", "file")) is not None
    found = disagreements(str(engine), has_one_recording, scenes)
    if silent := words_of_a_silent_voice(str(engine), str(located.value(("words", "engine")))):
        found.append(silent)
    if idle := transition_after_the_last(
        len(scenes), written=bool(scenes) and located.value(("scenes", len(scenes) - 1, "transition")) is not None
    ):
        found.append(idle)
    found += _soundtrack_misfits(located)
    return [problem_at(located, misfit.place, misfit.reason, misfit.remedy) for misfit in found]


def _soundtrack_misfits(located: LocatedData) -> list[Misfit]:
    """What is wrong about beds and sounds that only the scenes can tell, where both can be read."""

    def texts(place: Place, key: str) -> list[str | None]:
        values = [located.value((*place, number, key)) for number, _ in enumerate(_list_at(located, place))]
        return [value if isinstance(value, str) else None for value in values]

    narrations = [narration or "" for narration in texts(("scenes",), "narration")]
    scenes = list(zip(texts(("scenes",), "id"), narrations, strict=True))
    beds = texts(("music",), "scenes")
    if isinstance(one_bed := located.value(("music", "scenes")), str):
        beds = [one_bed]
    if not scenes:
        return []
    return list(soundtrack_misfits(beds, texts(("sounds",), "at"), scenes))


def _list_at(located: LocatedData, place: Place) -> list[JsonValue]:
    value = located.value(place)
    return value if isinstance(value, list) else []


def _problem_of_file(folder: Path, source: str, *, called: str) -> tuple[str, str] | None:
    """Why a path does not lead to a file with something in it, and what to do; None where it does."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", source):
        return f"{called} is an address, not a file.", "Download it and name the file."
    path = folder / source
    try:
        found = path.stat()
        readable = os.access(path, os.R_OK)
    except FileNotFoundError:
        return f"{called} does not exist.", _where_it_could_be(folder, source)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        return f"{called} cannot be read: {reason}.", "Check the path and its permissions."
    faults = (
        (stat.S_ISDIR(found.st_mode), "is a folder.", "Name a file in it."),
        (not stat.S_ISREG(found.st_mode), "is not a file.", "Name a file."),
        (found.st_size == 0, "is empty.", "Make it again, or name another."),
        (not readable, "cannot be read.", "Check its permissions."),
    )
    return next(((f"{called} {fault}", remedy) for is_so, fault, remedy in faults if is_so), None)


def _where_it_could_be(folder: Path, source: str) -> str:
    """A file with nearly the same name, or the place where the file was looked for."""
    path = (folder / source).absolute()
    try:
        neighbours = [entry.name for entry in itertools.islice(path.parent.iterdir(), 5_000)]
    except OSError:
        return f"There is no folder {path.parent}."
    by_small_name = {name.lower(): name for name in neighbours}
    close = difflib.get_close_matches(path.name.lower(), by_small_name, n=1, cutoff=0.7)
    if close:
        return f"Did you mean {Path(source).with_name(by_small_name[close[0]])}?"
    return f"It was looked for at {path}."
