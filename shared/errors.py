"""The one failure that is never retried. Every other exception means "try again"."""

from shared.timeline import Span


class Unrecoverable(Exception):
    """The same input will fail again: the project stops here and the user must change something.

    `reason` is one sentence that names the cause; `remedy` is one sentence that says what the user should
    do; `scene_id` names the scene where one is to blame, and `span` where that lies in the recording. Raise
    it once, where the fact is known; it is reported once, at the edge.
    """

    def __init__(self, reason: str, *, remedy: str, scene_id: str | None = None, span: Span | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
        self.scene_id = scene_id
        self.span = span

    def __str__(self) -> str:
        place = f"Scene {self.scene_id!r}: " if self.scene_id is not None else ""
        return f"{place}{self.reason} {self.remedy}"
