"""A clip fitter that tells of as much as a real one and fits nothing: what is left of a scene's latency is the bus and
telemetry. `benchmarks.telemetry_cost` starts it, as the embedded stack starts a host.
"""

import asyncio
import json
import os
import sys
from types import ModuleType, SimpleNamespace
from typing import cast

from cli.host import host
from shared.assets import Asset
from shared.bus import BusSettings
from shared.events import SceneFitted, ScenePlanned
from shared.service import Service, ServiceApp, Step
from shared.telemetry import stage

STAGES = ("find", "fetch", "probe", "probe", "probe", "ffmpeg", "probe", "probe", "store")
"""At least as many as a real fit of one clip has; `lockstep trace --html` lists them."""


async def fit_nothing(event: ScenePlanned, step: Step) -> SceneFitted:
    """Go through the stages of a fit."""
    for name in STAGES:
        with stage(name):
            await asyncio.sleep(0)
    return SceneFitted(
        project_id=event.project_id,
        scene_number=event.scene_number,
        scene_id=event.scene_id,
        segment=Asset(key="segments/none.mp4", digest="0" * 64, media_type="video/mp4", size=1),
        frame_count=event.frame_count,
        clip_ms=4_000,
        fit="not at all",
        from_store=False,
    )


def create_app() -> ServiceApp:
    """The service."""
    service = Service("clip_fitter", BusSettings())
    service.on(ScenePlanned, fit_nothing)
    return service.app


if __name__ == "__main__":
    os.environ.update(json.loads(sys.stdin.readline()))
    asyncio.run(host([cast(ModuleType, SimpleNamespace(create_app=create_app))]))
