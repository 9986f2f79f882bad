"""Who may make and read which assets: keys of the store for each service, with what it needs and no other.

The first part of an asset's key is its kind. Nobody but the root may delete, list other buckets, or change the bucket.
`python -m shared.store_permissions` writes it down: as policies in the language of S3, which MinIO, AWS and others
take, and as SeaweedFS's own file. On a MinIO the provisioner applies them itself (`shared/store_users.py`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from shared.assets import SOURCES

BUCKET = "lockstep"
"""The bucket in what is written down: a bucket of another name wants the policies with that name."""

Policy: TypeAlias = dict[str, str | list[dict[str, str | list[str]]]]
"""A policy document of S3, as it is written in JSON."""


@dataclass(frozen=True)
class Kinds:
    """The kinds of assets that a user makes, and those that it reads besides them."""

    makes: tuple[str, ...]
    reads: tuple[str, ...] = ()


BOUGHT = ("answers", "purchases")
"""What paid services answered, and what is noted about buying it."""

KINDS: Mapping[str, Kinds] = {
    "client": Kinds(
        (SOURCES, "projects"),
        reads=(
            *("recordings", "transcripts", "voiceovers", "plans"),
            *("soundtracks", "soundtrack-reports", "stems", "videos", "certificates"),
        ),
    ),
    "voiceover": Kinds(("takes", "voiceovers", "recordings", *BOUGHT), reads=("projects", SOURCES)),
    "transcriber": Kinds(
        ("alignments", "recognitions", "transcripts", *BOUGHT), reads=("projects", "recordings", "voiceovers")
    ),
    "scene_planner": Kinds(("plans",), reads=("projects", "recordings", "transcripts", "voiceovers")),
    "clip_fitter": Kinds(("looks", "segments", "transitions", "kept-sounds", "kept-sound-notes"), reads=(SOURCES,)),
    "mixer": Kinds(
        ("music-analyses", "stems", "soundtracks", "soundtrack-reports"),
        reads=("projects", "recordings", "plans", "voiceovers", SOURCES, "kept-sounds"),
    ),
    "assembler": Kinds(
        ("videos", "certificates"),
        reads=("recordings", "plans", "voiceovers", "segments", "transitions", "soundtracks", "soundtrack-reports"),
    ),
}


def policy_of(user: str, bucket: str = BUCKET) -> Policy:
    """What a user may do, as a policy of S3.

    Whoever may not list a bucket is told "forbidden" instead of "not there" when it asks for an object that is not
    there, which is how every step asks whether its work is done; so all may list the names, which are digests.
    """
    kinds = KINDS[user]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [_all_of(bucket, kind) for kind in (*kinds.makes, *kinds.reads)],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                "Resource": [_all_of(bucket, kind) for kind in kinds.makes],
            },
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [f"arn:aws:s3:::{bucket}"]},
        ],
    }


def _all_of(bucket: str, kind: str) -> str:
    return f"arn:aws:s3:::{bucket}/{kind}/*"


def access_key_variable(user: str | None) -> str:
    """The variable of a deployment that holds a user's access key; the root's for None."""
    return f"S3_{user.upper()}_ACCESS_KEY" if user else "S3_ACCESS_KEY"


def secret_key_variable(user: str | None) -> str:
    """The variable of a deployment that holds a user's secret key; the root's for None."""
    return f"S3_{user.upper()}_SECRET_KEY" if user else "S3_SECRET_KEY"


def seaweedfs_file(bucket: str = BUCKET, where_missing: str = "") -> str:
    """SeaweedFS's own file (`-s3.config`), with `${variables}` where keys have to stand.

    `where_missing` goes into each of them: what docker compose does where it is not set.
    """

    def identity(name: str, user: str | None, allowed: Mapping[str, list[str]]) -> dict[str, object]:
        variables = {"accessKey": access_key_variable(user), "secretKey": secret_key_variable(user)}
        key = {what: f"${{{variable}{where_missing}}}" for what, variable in variables.items()}
        return {"name": name, "credentials": [key], **allowed}

    root = identity("root", None, {"actions": ["Admin", "Read", "Write", "List", "Tagging"]})
    content = {
        "identities": [root, *(identity(user, user, {"policyNames": [user]}) for user in KINDS)],
        "policies": [{"name": user, "content": json.dumps(policy_of(user, bucket))} for user in KINDS],
    }
    return json.dumps(content, indent=2) + "\n"


MARK = "# Written by `python -m shared.store_permissions`; do not edit below."


def _compose_file() -> str:
    """The override for SeaweedFS: what stands in it, and the file of its users below the mark."""
    written = COMPOSE.read_text().partition(MARK)[0]
    content = seaweedfs_file("${S3_BUCKET:-lockstep}", ":?run deploy/make-env")
    lines = [MARK, "configs:", "  s3-users:", "    content: |"]
    lines += [f"      {line}" for line in content.splitlines()]
    return written + "\n".join(lines) + "\n"


DEPLOY = Path(__file__).parents[1] / "deploy"
COMPOSE = DEPLOY / "compose" / "seaweedfs.yml"
POLICIES = DEPLOY / "object-store" / "policies"
SEAWEEDFS = DEPLOY / "object-store" / "seaweedfs.json"


def files() -> Mapping[Path, str]:
    """Where the permissions are written down, and how they stand there."""
    policies = {POLICIES / f"{user}.json": json.dumps(policy_of(user), indent=2) + "\n" for user in KINDS}
    return {**policies, SEAWEEDFS: seaweedfs_file(), COMPOSE: _compose_file()}


def main() -> None:
    """Write the files."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
