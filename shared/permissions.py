"""Who may say and hear what on the bus: one user for each service, with the subjects that it needs and no other.

Everything is derived from the events, the consumers and the small table below, which a test holds to the handlers.
`python -m shared.permissions` writes it down for nats-server: for docker compose and Kubernetes in `deploy/nats/`, for
NATS's Helm chart in `deploy/kubernetes/overlays/production/`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.bus import inbox_of
from shared.events import (
    DEAD_STREAM,
    DEAD_STREAM_SUBJECTS,
    STREAM,
    AssemblyDue,
    Event,
    ProgressTicked,
    ProjectEnded,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    SceneSounded,
    ScenesPlanned,
    SoundtrackMixed,
    StepFailed,
    VideoAssembled,
    VoiceoverRecorded,
    WordsTimed,
    dead_letters_of,
    history_of,
)
from shared.stream import CONSUMERS

ACCOUNT = "LOCKSTEP"
"""The account that holds the streams. A scaler names it when it asks how much is waiting."""

CLIENT = "client"
"""The user of the `lockstep` command."""

PROVISIONER = "provisioner"
"""The user that owns the streams and the consumers."""


@dataclass(frozen=True)
class Voice:
    """What a service says, and what of a project's history its handlers read."""

    says: tuple[type[Event], ...]
    reads: tuple[type[Event], ...] = ()

    @property
    def lists_subjects(self) -> bool:
        """Whether it asks which subjects a project has: who reads events does, and who says several in one answer."""
        return bool(self.reads) or len(self.says) > 1


VOICES: Mapping[str, Voice] = {
    "voiceover": Voice((VoiceoverRecorded,)),
    "transcriber": Voice((WordsTimed,)),
    "scene_planner": Voice((ScenesPlanned, ScenePlanned)),
    "clip_fitter": Voice((SceneFitted, SceneSounded)),
    "mixer": Voice((SoundtrackMixed,), reads=(ScenesPlanned, SceneSounded)),
    "assembler": Voice((AssemblyDue, VideoAssembled), reads=(ScenesPlanned, SoundtrackMixed, SceneFitted)),
}


@dataclass(frozen=True)
class User:
    """A user of the bus and the subjects that are open to it; all others are closed."""

    name: str
    publish: tuple[str, ...]
    subscribe: tuple[str, ...]

    @property
    def password_variable(self) -> str:
        """The environment variable of nats-server that holds the user's password."""
        return f"NATS_{self.name.upper()}_PASSWORD"


def consumers_of(service: str) -> tuple[str, ...]:
    """The durable consumers that a service reads: its own name, and its own name with a suffix."""
    names = (consumer.name for consumer in CONSUMERS)
    return tuple(name for name in names if name == service or name.startswith(f"{service}_"))


def users() -> tuple[User, ...]:
    """All users: the provisioner, the command, and one for each service."""
    return (_provisioner(), _client(), *(_service(name, voice) for name, voice in VOICES.items()))


def _service(name: str, voice: Voice) -> User:
    # Traces measure from the submission to the service's own events, whose times only the stream knows.
    read: list[type[Event]] = [ProjectEnded, StepFailed, ProjectSubmitted, *voice.says]
    read += [event_class for event_class in voice.reads if event_class not in read]
    say: tuple[type[Event], ...] = (*voice.says, StepFailed, ProjectEnded)
    publish = [
        # A pull consumer's three requests. Creating one is not among them: services use what the provisioner made.
        *(
            subject
            for consumer in consumers_of(name)
            for subject in (
                f"$JS.API.CONSUMER.INFO.{STREAM}.{consumer}",
                f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}",
                f"$JS.ACK.{STREAM}.{consumer}.>",
                dead_letters_of(consumer),
            )
        ),
        *(f"$JS.API.DIRECT.GET.{STREAM}.{event_class.wildcard()}" for event_class in read),
        *([f"$JS.API.STREAM.INFO.{STREAM}"] if voice.lists_subjects else []),
        *(event_class.wildcard() for event_class in say),
        ProgressTicked.subject.format(project_id="*"),
    ]
    return User(name, tuple(publish), (f"{inbox_of(name)}.>",))


def _client() -> User:
    # No consumer of its own: a request to create one may name any, and the server then rewrites that of a service, even
    # where the subject of the request holds no name.
    return User(
        CLIENT,
        publish=(
            ProjectSubmitted.wildcard(),
            # To cancel a project is to say that it has failed.
            StepFailed.wildcard(),
            ProjectEnded.wildcard(),
            f"$JS.API.STREAM.INFO.{STREAM}",
            f"$JS.API.DIRECT.GET.{STREAM}",
            f"$JS.API.DIRECT.GET.{STREAM}.{history_of('*')}",
            *(f"$JS.API.CONSUMER.INFO.{STREAM}.{consumer.name}" for consumer in CONSUMERS),
            f"$JS.API.STREAM.INFO.{DEAD_STREAM}",
            f"$JS.API.DIRECT.GET.{DEAD_STREAM}.{DEAD_STREAM_SUBJECTS}",
            f"$JS.API.STREAM.MSG.DELETE.{DEAD_STREAM}",
        ),
        subscribe=("_INBOX.>", history_of("*"), ProgressTicked.subject.format(project_id="*")),
    )


def _provisioner() -> User:
    streams = (STREAM, DEAD_STREAM)
    return User(
        PROVISIONER,
        publish=(
            *(f"$JS.API.STREAM.{what}.{stream}" for stream in streams for what in ("INFO", "CREATE", "UPDATE")),
            f"$JS.API.CONSUMER.CREATE.{STREAM}.>",
            f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.>",
        ),
        subscribe=(f"{inbox_of(PROVISIONER)}.>",),
    )


def accounts_file() -> str:
    """The users as nats-server's configuration, passwords from its environment."""
    lines = [
        "# Written by `python -m shared.permissions`; do not edit. One user for each service, with what it needs only.",
        "accounts {",
        f"  {ACCOUNT} {{",
        "    jetstream: enabled",
        "    users: [",
    ]
    for user in users():
        lines += [
            "      {",
            f"        user: {user.name}",
            f"        password: ${user.password_variable}",
            "        permissions {",
            *_subjects("publish", user.publish),
            *_subjects("subscribe", user.subscribe),
            "        }",
            "      }",
        ]
    return "\n".join([*lines, "    ]", "  }", "}", ""])


def _subjects(what: str, subjects: Sequence[str]) -> list[str]:
    head = f"          {what} {{ allow: ["
    return [head, *(f"            {json.dumps(subject)}" for subject in subjects), "          ] }"]


def helm_values() -> str:
    """The same users as values of NATS's Helm chart (2.14), in JSON, which is YAML. `<< >>` leaves a value unquoted."""
    entries = [
        {
            "user": user.name,
            "password": f"<< ${user.password_variable} >>",
            "permissions": {
                "publish": {"allow": list(user.publish)},
                "subscribe": {"allow": list(user.subscribe)},
            },
        }
        for user in users()
    ]
    secret = {
        user.password_variable: {"valueFrom": {"secretKeyRef": {"name": "nats-users", "key": user.password_variable}}}
        for user in users()
    }
    values = {
        "config": {"merge": {"accounts": {ACCOUNT: {"jetstream": "enabled", "users": entries}}}},
        "container": {"env": secret},
    }
    head = "# Written by `python -m shared.permissions`; do not edit. Goes beside nats-values.yaml.\n"
    return head + json.dumps(values, indent=2) + "\n"


DEPLOY = Path(__file__).parents[1] / "deploy"
FILES = {
    DEPLOY / "nats" / "users.conf": accounts_file,
    DEPLOY / "kubernetes" / "overlays" / "production" / "nats-users-values.yaml": helm_values,
}
"""Where the users are written down, and by which function."""


def main() -> None:
    """Write the files."""
    for path, text in FILES.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text())


if __name__ == "__main__":
    main()
