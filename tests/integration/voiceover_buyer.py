"""A process that has one line spoken by ElevenLabs, to be killed: `python -m tests.integration.voiceover_buyer`.

The store and the service are where the environment says.
"""

import asyncio
import tempfile
from pathlib import Path

from services.voiceover.elevenlabs import ElevenLabsVoice
from services.voiceover.line import Line
from services.voiceover.voice import SpokenTake
from shared.elevenlabs import ElevenLabsSettings
from shared.narration import parse_narration
from shared.project import Voice
from shared.purchases import Purchases
from shared.store import MinioStore, StoreSettings
from shared.turnstile import Turnstile


async def buy_line(store: MinioStore, account: ElevenLabsSettings, folder: Path, *, ticket: str = "") -> SpokenTake:
    """Have the line spoken, as the voiceover would."""
    chosen = Voice(engine="elevenlabs", name="21m00Tcm4TlvDq8ikWAM", buy_again=(ticket,) if ticket else None)
    voice = ElevenLabsVoice(chosen, account, Purchases(store), Turnstile())
    return await voice.speak(Line("s1", parse_narration("The sea.")), folder)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(buy_line(MinioStore(StoreSettings()), ElevenLabsSettings(), Path(name)))
