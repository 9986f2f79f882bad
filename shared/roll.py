"""The roll of a project's parts: which of those that a service waits for it knows to be in the history.

    awaited    soundtrack  scene 1  scene 2  scene 3  scene 4 ...
    known         yes        yes      yes      ?        yes
                                               next question

Nothing is ever taken out of a history, so what was seen once need not be asked again. Each event asks for the first
part that is not known yet, and goes on while the answer is yes: a project of N scenes costs each process about 2 N
questions, where reading the whole history at each of N events costs N times N. What is lost with the process is asked
anew.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

PROJECTS_KEPT = 256


@dataclass
class Roll:
    """One project's parts."""

    awaited: Sequence[str] | None = None
    """Their subjects; None until it is known what is waited for."""
    _called: int = 0
    _ahead: set[str] = field(default_factory=set)

    def note(self, subject: str) -> None:
        """The history holds an event on this subject."""
        self._ahead.add(subject)

    def next_unknown(self) -> str | None:
        """The first part that is not known to be there; None where all are. What is awaited must be known."""
        assert self.awaited is not None, "the plan comes first"
        while self._called < len(self.awaited):
            subject = self.awaited[self._called]
            if subject not in self._ahead:
                return subject
            self._ahead.discard(subject)
            self._called += 1
        return None

    async def is_complete(self, holds: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether all parts are there; `holds` asks the history for a subject."""
        while (subject := self.next_unknown()) is not None:
            if not await holds(subject):
                return False
            self.note(subject)
        return True


@dataclass
class Rolls:
    """The rolls of the projects that were heard of last."""

    _kept: OrderedDict[str, Roll] = field(default_factory=OrderedDict)

    def of(self, project_id: str) -> Roll:
        """The project's roll, an empty one where it was not heard of or long ago."""
        roll = self._kept.setdefault(project_id, Roll())
        self._kept.move_to_end(project_id)
        if len(self._kept) > PROJECTS_KEPT:
            self._kept.popitem(last=False)
        return roll
