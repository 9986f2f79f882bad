"""How clips may be changed, as the project file says it: for all scenes, and for one."""

from typing import Annotated, Literal

from pydantic import Field

from shared.project_section import Section
from shared.project_values import CrossfadeLength, Focus

Price = Annotated[float, Field(ge=0, le=1000)]

Slowest = Annotated[float, Field(ge=0.8, le=1)]
Fastest = Annotated[float, Field(ge=1, le=1.25)]
FillKind = Literal["auto", "boomerang", "loop", "hold"]
SlowMotion = Literal["repeat", "blend", "interpolate"]
FrameKind = Literal["cover", "contain", "blur"]


class FillPrices(Section):
    """How much each way of fitting shows, in seconds of a held picture: the cheapest one fills a scene."""

    held_second: Price = 1
    """A second of the last picture, held and slowly moved in on."""
    turn: Price = 1.5
    """The first time that a clip turns to run backwards."""
    further_turn: Price = 3
    """Each turn after the first."""
    joint: Price = 2
    """Each crossfade from a clip's end to its own start."""
    hurried_second: Price = 1.4
    """Each second that a longer clip is shortened by being sped up, at the project's own rate; less for a clip of a
    higher rate."""
    lost_second: Price = 1
    """Each second of a longer clip that is left out, from half a second up to one and a half."""


class Fit(Section):
    """How a clip may be changed to fill its scene."""

    slowest: Slowest = 0.85
    """The lowest speed, as a fraction of the clip's own."""
    fastest: Fastest = 1.15
    """The highest speed, as a fraction of the clip's own."""
    fill: FillKind = "auto"
    """Fills a scene when the slowed clip is still too short: run it backwards, start it again, hold its last picture,
    or `auto`, the cheapest by `prices`."""
    slow_motion: SlowMotion = "repeat"
    """What a slowed clip shows between two of its pictures: the first again (`repeat`), a mix of both (`blend`), or a
    picture made up from how things move (`interpolate`), which costs many times as much."""
    crossfade_ms: CrossfadeLength = Field(default=500, alias="crossfade")
    """How long two clips of a scene are seen together: milliseconds, or `400ms`, `1.5s`."""
    frame: FrameKind = "cover"
    """Crop the picture to the output's shape (`cover`), or show all of it between bars (`contain`) or before a blurred
    copy of itself (`blur`)."""
    focus: Focus = (0.5, 0.5)
    """Where the subject is, for `cover` to crop around it: `left`, `right`, `top`, `bottom`, `centre` or two shares."""
    prices: FillPrices = FillPrices()
    """How much each way of fitting shows."""


class SceneFit(Section):
    """What is different from the project's `fit` for the clips of one scene."""

    slowest: Slowest | None = None
    """The lowest speed, for this scene."""
    fastest: Fastest | None = None
    """The highest speed, for this scene."""
    fill: FillKind | None = None
    """What fills this scene."""
    slow_motion: SlowMotion | None = None
    """What slowed clips of this scene show between two of their pictures."""
    crossfade_ms: CrossfadeLength | None = Field(default=None, alias="crossfade")
    """How long two clips of this scene are seen together."""
    frame: FrameKind | None = None
    """How the clips of this scene come to the output's shape."""
    focus: Focus | None = None
    """Where the subject is, in this scene."""
    prices: FillPrices | None = None
    """All prices of this scene: those that are not written are the defaults."""


def fit_of_scene(project: Fit, scene: SceneFit | None) -> Fit:
    """How the clips of a scene may be changed: as the scene says, and as the project does where it says nothing."""
    if scene is None:
        return project
    said = {key: getattr(scene, key) for key in SceneFit.model_fields}
    return project.model_copy(update={key: value for key, value in said.items() if value is not None})
