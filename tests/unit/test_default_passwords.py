"""No password that everybody knows works on an address that others can reach."""

import pytest
from pydantic import SecretStr

from shared.bus import BusSettings, NotReady
from shared.default_passwords import default_password_problem, is_loopback
from shared.store import StoreSettings
from shared.store_users import StoreKeys
from shared.stream import provision_when_ready


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "::1", "localhost"])
def test_this_machine_is_known(host: str) -> None:
    assert is_loopback(host)
    assert default_password_problem(host, {"PASSWORD": "minioadmin"}) is None


@pytest.mark.parametrize("host", ["nats", "0.0.0.0", "192.168.1.4", "localhost.example.org", ""])
@pytest.mark.parametrize("password", ["minioadmin", "MinioAdmin", "password", ""])
def test_elsewhere_a_password_that_everybody_knows_is_named(host: str, password: str) -> None:
    problem = default_password_problem(host, {"PASSWORD": password})
    assert problem is not None
    assert problem.startswith("PASSWORD is a password that everybody knows")


def test_a_password_of_ones_own_is_no_problem() -> None:
    assert default_password_problem("nats", {"PASSWORD": "p8f1c2", "OTHER": None}) is None


@pytest.mark.parametrize(
    ("bus", "store"),
    [
        (BusSettings(url="nats://nats:4222", user="a", password=SecretStr("changeme")), None),
        (BusSettings(url="nats://lockstep:lockstep@nats:4222"), None),
        (
            BusSettings(url="nats://nats:4222", user="a", password=SecretStr("p8f1c2")),
            StoreSettings(endpoint="s3:9000", access_key="minioadmin", secret_key=SecretStr("minioadmin")),
        ),
    ],
    ids=["bus", "bus in the address", "store"],
)
async def test_a_stack_with_such_a_password_is_not_provisioned_so_nothing_starts(
    bus: BusSettings, store: StoreSettings | None
) -> None:
    with pytest.raises(NotReady, match="everybody knows"):
        await provision_when_ready(bus, store)


async def test_nor_with_such_a_key_of_a_service() -> None:
    store = StoreSettings(endpoint="s3:9000", access_key="root", secret_key=SecretStr("p8f1c2"))
    users = {"mixer": StoreKeys(access_key="mixer", secret_key=SecretStr("minioadmin"))}
    with pytest.raises(NotReady, match=r"The secret key of mixer in LOCKSTEP_S3_USERS .* everybody knows"):
        await provision_when_ready(BusSettings(url="nats://nats:4222"), store, users)
