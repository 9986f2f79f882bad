"""Passwords that everybody knows are refused wherever somebody else could use them: on any address but loopback."""

import ipaddress
from collections.abc import Mapping

KNOWN_TO_EVERYBODY = frozenset(
    {"", "admin", "changeme", "default", "lockstep", "minio", "minio123", "minioadmin", "nats", "password", "secret"}
)
"""Defaults of the servers that we run on, and what stands in examples. An empty one counts where one is expected."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant."""
    name = host.strip("[]")
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def default_password_problem(host: str, passwords: Mapping[str, str | None]) -> str | None:
    """A sentence where one of the named passwords is known to everybody and `host` is not this machine, else None.

    A password that is None is not used at all, which the server has to judge.
    """
    if is_loopback(host):
        return None
    for variable, password in passwords.items():
        if password is not None and password.lower() in KNOWN_TO_EVERYBODY:
            return (
                f"{variable} is a password that everybody knows, and {host} is not this machine alone. "
                "Make passwords with deploy/make-env or deploy/kubernetes/make-secrets."
            )
    return None
