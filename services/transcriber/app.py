"""The transcriber as an application."""

from faststream import FastStream

from services.transcriber.elevenlabs import ElevenLabsReporter
from services.transcriber.handlers import Handlers
from services.transcriber.reported import VoiceReporter
from services.transcriber.reporter import WordReporter
from services.transcriber.settings import Settings
from services.transcriber.whisper import WhisperReporter
from services.transcriber.workers import PocketsphinxEngine
from shared.events import VoiceoverRecorded
from shared.purchases import Purchases
from shared.service import Service
from shared.store import AssetStore, MinioStore
from shared.turnstile import Turnstile


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("transcriber", settings.bus)
    service.on(VoiceoverRecorded, create_handlers(MinioStore(settings.store), settings).time_words)
    return service.app


def create_handlers(store: AssetStore, settings: Settings) -> Handlers:
    """The handlers with every engine there is, by its name in the project file."""
    aligner = PocketsphinxEngine(settings.most_workers, settings.worker_timeout_seconds)
    account, purchases = settings.elevenlabs, Purchases(store)
    reporters: tuple[WordReporter, ...] = (
        VoiceReporter(),
        ElevenLabsReporter("elevenlabs-alignment", account, purchases, Turnstile()),
        ElevenLabsReporter("elevenlabs-scribe", account, purchases, Turnstile()),
        WhisperReporter(
            store, settings.whisper_model, settings.whisper_download_folder, settings.worker_timeout_seconds
        ),
    )
    return Handlers(store, {aligner.name: aligner}, {reporter.name: reporter for reporter in reporters})
