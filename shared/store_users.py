"""The users of a MinIO, made by the provisioner: one for each service, with what `store_permissions.py` gives it.

Other servers have no common way to make users: SeaweedFS reads them from a file, for AWS and others their
administrator makes them with the policies in `deploy/object-store/policies/`.
"""

import asyncio
from collections.abc import Mapping

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.store import StoreSettings, http_pool
from shared.store_permissions import KINDS, policy_of


class StoreKeys(BaseModel):
    """A user's keys."""

    access_key: str = Field(min_length=3)
    secret_key: SecretStr = Field(min_length=8)


class StoreUsers(BaseSettings):
    """The users to make. Read from `LOCKSTEP_S3_USERS`; none unless it is set."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_S3_", extra="ignore")

    users: dict[str, StoreKeys] = Field(
        default_factory=dict, description="JSON: who, and its keys; for a MinIO only, whose root the provisioner is"
    )


async def make_users(store: StoreSettings, users: Mapping[str, StoreKeys]) -> None:
    """Make the users or put them right: their secret keys, and what they may do. Idempotent.

    Raises `LookupError` for a user that is none of ours, and the SDK's errors where the server is no MinIO or `store`
    does not hold its root's keys.
    """
    if strangers := set(users) - set(KINDS):
        raise LookupError(f"LOCKSTEP_S3_USERS names {', '.join(sorted(strangers))}; known are {', '.join(KINDS)}")
    await asyncio.to_thread(_make, store, users)


def _make(store: StoreSettings, users: Mapping[str, StoreKeys]) -> None:
    # Imported here: every service imports this module with the provisioner's, and none needs the SDK's cryptography.
    from minio.credentials.providers import StaticProvider
    from minio.minioadmin import MinioAdmin

    admin = MinioAdmin(
        endpoint=store.endpoint,
        credentials=StaticProvider(store.access_key, store.secret_key.get_secret_value()),
        region=store.region,
        secure=store.secure,
        http_client=http_pool(store),
    )
    for user, keys in users.items():
        policy = f"{store.bucket}-{user.replace('_', '-')}"
        admin.policy_add(policy, policy=policy_of(user, store.bucket))
        admin.user_add(keys.access_key, keys.secret_key.get_secret_value())
        admin.policy_set(policy, user=keys.access_key)
