"""What to ask a video model for when a clip is hopelessly short. Pure; the models' lengths are data."""

import tomllib
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import Unrecoverable


class VideoModel(BaseModel):
    """A video model and the clip lengths, in seconds, that it offers."""

    model_config = ConfigDict(frozen=True)

    name: str
    seconds: tuple[int, ...] = Field(min_length=1)
    source: str
    """Where the lengths are documented."""


class _ModelFile(BaseModel):
    model: tuple[VideoModel, ...]


def read_models(text: str) -> tuple[VideoModel, ...]:
    """The models in a list written as TOML; raises `ValueError` where it is none."""
    return _ModelFile.model_validate(tomllib.loads(text)).model


def hopeless_clip(clips_ms: Sequence[int], window_ms: int, models: Sequence[VideoModel]) -> Unrecoverable:
    """The failure for clips too short to be stretched, with the smallest length of each model that would do."""
    had = " and ".join(f"{length / 1000:.2f} s" for length in clips_ms)
    offers = [
        f"{model.name} {min(enough)} s"
        for model in models
        if (enough := [seconds for seconds in model.seconds if seconds * 1000 >= window_ms])
    ]
    offered = f" ({', '.join(offers)})" if offers else ", which no usual model makes in one piece: use several clips"
    return Unrecoverable(
        f"The scene lasts {window_ms / 1000:.2f} s and its footage only {had}: less than a fifth of it.",
        remedy=f"Ask for a clip of at least {window_ms / 1000:.2f} s{offered}, or give the scene more clips.",
    )
