"""`lockstep check`: is the project file sound, and is its media what it says it is?"""

import asyncio
import tempfile
from pathlib import Path

import click

from cli.doctor import missing_encoder, missing_programs
from cli.edge import Refused
from services.clip_fitter.clip_file import open_clip
from services.clip_fitter.settings import Settings as FitterSettings
from services.voiceover.refusals import refusals
from shared.errors import Unrecoverable
from shared.ffmpeg import FfmpegError, probe_media
from shared.project_file import LoadedProject, Mention, Problem, ProjectFileError, load_project
from shared.project_values import Place

PROBES_AT_ONCE = 4

ANOTHER_SOUND = "Put an audio file (wav, mp3, flac or m4a) there."


async def check_project(project_file: Path) -> None:
    """Print that a project file is sound. Raises `Refused` with every problem, each with its line and remedy."""
    loaded = await checked_project(project_file)
    click.echo(f"{project_file}: {len(loaded.project.scenes)} scenes, {len(loaded.sources)} files, all sound.")


async def checked_project(project_file: Path) -> LoadedProject:
    """The project, its file and its media looked at: a wrong file is found before anything is spoken or encoded.

    Raises `Refused`.
    """
    if missing := missing_programs():
        raise Refused(" ".join(f"{finding.name} is missing. {finding.remedy}." for finding in missing))
    try:
        loaded = load_project(project_file)
        if unusable := [*_voice_problems(loaded), *await asyncio.to_thread(_encoder_problems, loaded)]:
            raise ProjectFileError(loaded.path, unusable)
        problems = await _media_problems(loaded)
        if problems:
            raise loaded.refused(problems)
    except ProjectFileError as error:
        raise Refused(str(error)) from None
    return loaded


def _voice_problems(loaded: LoadedProject) -> list[Problem]:
    """What the project's voice cannot speak as it is written, before any of it is bought."""
    numbers = {scene.id: number for number, scene in enumerate(loaded.project.scenes)}
    places: list[tuple[Place, Unrecoverable]] = [
        (("voice",) if one.scene_id is None else ("scenes", numbers[one.scene_id], "narration"), one)
        for one in refusals(loaded.project)
    ]
    return [loaded.problem_at(place, one.reason, one.remedy) for place, one in places]


def _encoder_problems(loaded: LoadedProject) -> list[Problem]:
    """Why this machine's ffmpeg cannot encode the picture, where it cannot."""
    codec = loaded.project.output.encoder.codec
    missing = missing_encoder(codec)
    if missing is None:
        return []
    place: Place = ("output", "encoder", "codec")
    remedy = f"{missing.remedy}, or write `codec: h264`."
    return [loaded.problem_at(place, f"This ffmpeg lacks {missing.name}, which {missing.purpose}.", remedy)]


async def _media_problems(loaded: LoadedProject) -> dict[str, tuple[str, str]]:
    """By source: what is wrong with it and what to do, for every source that cannot be used."""
    turnstile = asyncio.Semaphore(PROBES_AT_ONCE)
    mentions = {mention.source: mention for mention in loaded.mentions}

    async def look(mention: Mention) -> tuple[str, str] | None:
        path = loaded.sources[mention.source]
        async with turnstile:
            try:
                await (_look_at_clip(path) if mention.kind == "clip" else _look_at_sound(path))
            except Unrecoverable as error:
                return f"{mention.source}: {error.reason}", error.remedy
        return None

    found = await asyncio.gather(*(look(mention) for mention in mentions.values()))
    return {source: problem for source, problem in zip(mentions, found, strict=True) if problem is not None}


async def _look_at_clip(path: Path) -> None:
    settings = FitterSettings()
    with tempfile.TemporaryDirectory() as folder:
        await open_clip(
            path, Path(folder) / "unpacked", settings.clip_limits, timeout_seconds=settings.probe_limit_seconds
        )


async def _look_at_sound(path: Path) -> None:
    try:
        media = await probe_media(path)
    except FfmpegError as error:
        raise Unrecoverable(
            f"The file cannot be read as sound ({_cause(error, path)}).", remedy=ANOTHER_SOUND
        ) from None
    if media.audio is None:
        raise Unrecoverable("The file holds no sound.", remedy=ANOTHER_SOUND)


def _cause(error: FfmpegError, path: Path) -> str:
    return error.cause.replace(f"{path}: ", "")  # the file is named by the line that the message points to
