"""The assembler as a running service."""

from faststream import FastStream

from services.assembler.handlers import Handlers
from services.assembler.settings import Settings
from shared.events import AssemblyDue, SceneFitted, SoundtrackMixed
from shared.service import Service
from shared.store import MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("assembler", settings.bus)
    handlers = Handlers(MinioStore(settings.store), settings)
    service.on(SceneFitted, handlers.judge_completeness, consumer="assembler_join")
    service.on(SoundtrackMixed, handlers.judge_completeness, consumer="assembler_join")
    service.on(AssemblyDue, handlers.assemble_video)
    return service.app
