"""What everything that speaks to ElevenLabs shares: the account, and the answers that refuse.

Shapes as in the OpenAPI file of August 2026 and the vendor's error catalogue of September 2026.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, JsonValue, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.api_key import read_api_key
from shared.errors import Unrecoverable

_LONGEST_MESSAGE = 200


class ElevenLabsSettings(BaseSettings):
    """Read from `ELEVENLABS_*`."""

    model_config = SettingsConfigDict(env_prefix="ELEVENLABS_", env_ignore_empty=True, extra="ignore")

    api_key: SecretStr = SecretStr("")
    api_key_file: Path | None = None
    """A file that holds the key, e.g. a mounted secret."""
    base_url: str = Field(default="https://api.elevenlabs.io", pattern=r"^https?://[^\s?#@]+$")
    """Another host for data residency, e.g. https://api.eu.residency.elevenlabs.io."""
    timeout_seconds: float = Field(default=300, gt=0)
    """For one answer. 10,000 characters are about 11 minutes of speech, which is made many times faster than spoken."""
    busy_pauses_seconds: tuple[float, ...] = (1, 2, 4, 8, 16)
    """After a 429, where the answer does not say how long to wait: each is a further try."""

    def key(self) -> SecretStr:
        """The account's key. Raises `Unrecoverable` where there is none."""
        key = read_api_key(self.api_key, self.api_key_file, variable="ELEVENLABS_API_KEY")
        if key is None:
            raise Unrecoverable(
                "ElevenLabs wants a key, and none is set where the service runs.",
                remedy="Set ELEVENLABS_API_KEY, or ELEVENLABS_API_KEY_FILE to a file that holds it.",
            )
        return key


class _Detail(BaseModel):
    code: str | None = None
    status: str | None = None
    message: str | None = None


class _Fault(BaseModel):
    loc: tuple[str | int, ...] = ()
    msg: str = ""


class _Envelope(BaseModel):
    detail: _Detail | str | tuple[_Fault, ...] = ""


def read_refusal(body: bytes) -> tuple[str, str]:
    """The code (may be empty) and the sentence of an answer that is an error, in any of the three shapes that occur:

    {"detail": {"code": ..., "message": ...}}, {"detail": "..."}, {"detail": [{"loc": [...], "msg": ...}]}
    """
    try:
        detail = _Envelope.model_validate_json(body).detail
    except ValidationError:
        return "", ""
    if isinstance(detail, str):
        return "", _short(detail)
    if isinstance(detail, _Detail):
        return detail.code or detail.status or "", _short(detail.message or "")
    faults = (f"{'.'.join(str(step) for step in fault.loc if step != 'body')}: {fault.msg}" for fault in detail)
    return "", _short("; ".join(faults))


def refusal(
    status: int, body: bytes, *, scene_id: str | None, section: Literal["voice", "words"] = "voice"
) -> Unrecoverable:
    """The failure for a status below 500, but 408 and 429: nothing was made, and the same would be refused again."""
    code, message = read_refusal(body)
    said = f" ({message})" if message else f" ({code})" if code else ""
    reason, remedy = _SENTENCES.get(status, _OTHERWISE)
    if section == "words":
        remedy = _REMEDIES_FOR_WORDS.get(status, remedy if status in _SENTENCES else _CHECK_WORDS)
    if code in {"quota_exceeded", "insufficient_credits"}:  # older accounts are told so with a 401
        reason, remedy = _SENTENCES[402]
    return Unrecoverable(f"{reason}{said}.", remedy=remedy, scene_id=scene_id)


_OTHERWISE = ("ElevenLabs refused the request", "Check `voice` in the project file and the narration.")
_SENTENCES = {
    400: ("ElevenLabs refused the request", "Check the `model` and the other keys under `voice`, and the narration."),
    401: ("ElevenLabs does not accept the key", "Set ELEVENLABS_API_KEY to a key of your account that is in force."),
    402: ("The credits at ElevenLabs do not suffice", "Add credits there, then render again: what is bought is kept."),
    403: ("The key may not be used for this at ElevenLabs", "Give it access to the voice and to text to speech there."),
    404: ("ElevenLabs does not have what was asked for", "Check `name`, the voice's id, and `model` under `voice`."),
    422: (
        "ElevenLabs cannot use a value of the request",
        "Change what it names: a key under `voice`, or the narration.",
    ),
}
_CHECK_WORDS = "Check the `model` and the other keys under `words`, or choose another engine there."
_REMEDIES_FOR_WORDS = {
    400: _CHECK_WORDS,
    403: "Give the key access to speech to text and forced alignment there.",
    404: _CHECK_WORDS,
    422: "Change what it names: a key under `words`, or the narration.",
}


def header_number(value: str | None) -> int | None:
    """A header that holds a whole number of 1 or more; None where it holds anything else, or is not there."""
    return int(value) if value is not None and value.isascii() and value.isdecimal() and int(value) > 0 else None


def _short(text: JsonValue) -> str:
    line = " ".join(str(text).split()).rstrip(".")
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"
