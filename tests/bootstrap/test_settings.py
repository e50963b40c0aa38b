"""Settings: from the environment, frozen, silent about secrets, and clear about what is wrong."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr, ValidationError

import vibecore
from tests.bootstrap.story import SETTINGS
from vibecore.bootstrap.connect import default_effects
from vibecore.bootstrap.settings import Settings
from vibecore.domain.errors import InvalidCursor, InvalidValue, NotConfigured
from vibecore.services.keyring import Keyring

SECRET = "hunter2-of-ada and then some more"
OLD = "hunter2-of-ada, which was enough before"
KEY = "hunter2-of-ada".ljust(43, "A") + "="
OLD_KEY = "hunter2-of-ada".ljust(43, "B") + "="


def test_every_field_comes_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """`VIBECORE_` and the field's name, in capitals."""
    given = {
        "DATABASE_URL": "postgresql://host/db",
        "DATABASE_SCHEMA": "ours",
        "SECRET_KEY": SECRET,
        "PREVIOUS_SECRET_KEYS": json.dumps([OLD, SECRET]),
        "ENCRYPTION_KEYS": f"{KEY}, {OLD_KEY}",
        "PASSWORD_PEPPERS": json.dumps({"1": OLD, "9999": SECRET}),
        "POOL_SIZE": "7",
        "CONNECT_TIMEOUT": "8",
        "BCRYPT_COST": "9",
        "MAIL_URL": "smtp://host",
        "MAIL_FROM": "vibecore@example.org",
        "PUBLIC_URL": "https://example.org",
        "DATA_FOLDER": "/srv/data",
    }
    assert {name.lower() for name in given} == set(Settings.model_fields)
    for name, value in given.items():
        monkeypatch.setenv(f"VIBECORE_{name}", value)
    assert Settings.load() == Settings(
        database_url=SecretStr("postgresql://host/db"),
        database_schema="ours",
        secret_key=SecretStr(SECRET),
        previous_secret_keys=(SecretStr(OLD), SecretStr(SECRET)),
        encryption_keys=(SecretStr(KEY), SecretStr(OLD_KEY)),
        password_peppers={1: SecretStr(OLD), 9999: SecretStr(SECRET)},
        pool_size=7,
        connect_timeout=8,
        bcrypt_cost=9,
        mail_url=SecretStr("smtp://host"),
        mail_from="vibecore@example.org",
        public_url="https://example.org",
        data_folder=Path("/srv/data"),
    )
    assert Settings(pool_size=3).pool_size == 3


def test_other_variables_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIBECORE_UNHEARD_OF", "x")
    monkeypatch.setenv("POOL_SIZE", "many")
    assert Settings.load().pool_size == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POOL_SIZE", "many"),
        ("POOL_SIZE", "0"),
        ("POOL_SIZE", "1001"),
        ("POOL_SIZE", ""),
        ("CONNECT_TIMEOUT", "0"),
        ("CONNECT_TIMEOUT", "1.5"),
        ("BCRYPT_COST", "3"),
        ("BCRYPT_COST", "16"),
        ("SECRET_KEY", "hunter2-of-ada"),
        ("SECRET_KEY", ""),
        ("PREVIOUS_SECRET_KEYS", ""),
        ("PREVIOUS_SECRET_KEYS", "hunter2-of-ada and then some more"),
        ("PREVIOUS_SECRET_KEYS", '["hunter2-of-ada"]'),
        ("PREVIOUS_SECRET_KEYS", '"hunter2-of-ada and then some more"'),
        ("PREVIOUS_SECRET_KEYS", '[["hunter2-of-ada and then some more"]]'),
        ("PREVIOUS_SECRET_KEYS", "5"),
        ("PREVIOUS_SECRET_KEYS", "[" * 100_000),
        ("ENCRYPTION_KEYS", ""),
        ("ENCRYPTION_KEYS", "hunter2-of-ada"),
        ("ENCRYPTION_KEYS", "hunter2-of-ada".ljust(44, "A")),
        ("ENCRYPTION_KEYS", f"{KEY},"),
        ("ENCRYPTION_KEYS", f"{KEY},{KEY[:-1]}"),
        ("ENCRYPTION_KEYS", f"{KEY};{KEY}"),
        ("ENCRYPTION_KEYS", KEY[:-2] + "+="),
        ("ENCRYPTION_KEYS", '["hunter2-of-ada"]'),
        ("ENCRYPTION_KEYS", f'["{KEY}", 5]'),
        ("ENCRYPTION_KEYS", f'["{KEY}"'),
        ("ENCRYPTION_KEYS", f'[["{KEY}"]]'),
        ("ENCRYPTION_KEYS", "[" * 100_000),
        ("PASSWORD_PEPPERS", ""),
        ("PASSWORD_PEPPERS", "hunter2-of-ada and then some more"),
        ("PASSWORD_PEPPERS", '{"1": "hunter2-of-ada and then some more'),
        ("PASSWORD_PEPPERS", '["hunter2-of-ada and then some more"]'),
        ("PASSWORD_PEPPERS", '[["1", "hunter2-of-ada and then some more"]]'),
        ("PASSWORD_PEPPERS", "null"),
        ("PASSWORD_PEPPERS", '{"1": "hunter2-of-ada"}'),
        ("PASSWORD_PEPPERS", '{"1": ["hunter2-of-ada and then some more"]}'),
        ("PASSWORD_PEPPERS", '{"1": {"2": "hunter2-of-ada and then some more"}}'),
        ("PASSWORD_PEPPERS", '{"hunter2-of-ada and then some more": "1"}'),
        *(
            ("PASSWORD_PEPPERS", f'{{"{key_id}": "hunter2-of-ada and then some more"}}')
            for key_id in ("", "0", "-1", "01", "10000", "1.0", "1_0", " 1", "\u0661", "true")
        ),
        (
            "PASSWORD_PEPPERS",
            '{"1": "hunter2-of-ada and then some more", "1": "hunter2-of-ada and then something else"}',
        ),
        ("PASSWORD_PEPPERS", '{"1":' * 100_000),
        ("DATABASE_SCHEMA", ""),
        ("DATABASE_SCHEMA", 'hunter2-of-ada"'),
        ("DATABASE_URL", ""),
        ("DATABASE_URL", "hunter2-of-ada"),
        ("DATABASE_URL", "mysql://ada:hunter2-of-ada@host/db"),
        ("DATABASE_URL", "postgresql://ada:hunter2-of-ada@host:port/db"),
        ("DATABASE_URL", "memory://hunter2-of-ada"),
        ("DATABASE_URL", "embedded://hunter2-of-ada"),
    ],
)
def test_a_wrong_variable_is_named_and_not_quoted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """InvalidValue, in one line, by whoever reads the environment."""
    monkeypatch.setenv(f"VIBECORE_{name}", value)
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect()
    assert caught.value.field == f"VIBECORE_{name}"
    assert str(caught.value).startswith(f"VIBECORE_{name}: ")
    assert "\n" not in str(caught.value)
    link: BaseException | None = caught.value
    while link is not None:
        assert "hunter2" not in f"{link} {link!r}"
        link = link.__cause__ or link.__context__


def test_secrets_do_not_show() -> None:
    """Neither in repr and str nor in the error of a wrong one."""
    settings = Settings(
        database_url=SecretStr(f"postgresql://ada:{SECRET}@host/db"),
        secret_key=SecretStr(SECRET),
        previous_secret_keys=(SecretStr(SECRET),),
        encryption_keys=(SecretStr(KEY),),
        password_peppers={1: SecretStr(SECRET)},
    )
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert SECRET not in shown
    assert KEY not in shown
    with pytest.raises(ValidationError) as caught:
        Settings(secret_key=SecretStr("hunter2"))
    assert "hunter2" not in f"{caught.value} {caught.value!r}"
    wrong: list[Any] = [
        {"hunter2": "1"},
        {1: SecretStr("hunter2")},
        {1: b"hunter2"},
        {1: {"hunter2": 1}},
        {True: SecretStr("hunter2" * 5)},
        {"1": SecretStr("hunter2" * 5)},
        [SecretStr("hunter2" * 5)],
    ]
    for peppers in wrong:
        with pytest.raises(ValidationError) as caught:
            Settings(password_peppers=peppers)
        assert "hunter2" not in f"{caught.value} {caught.value!r}"
    with pytest.raises(ValidationError) as caught:
        Settings(pool_size="hunter2")  # type: ignore[arg-type]  # that is the test
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [f"{KEY},{OLD_KEY}", f" {KEY} ,\t{OLD_KEY}\n", f'["{KEY}", "{OLD_KEY}"]', f' [\n"{KEY}",\n"{OLD_KEY}"\n]\n'],
)
def test_encryption_keys_are_a_list(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Separated by commas or as JSON, and each is 32 bytes in the end."""
    monkeypatch.setenv("VIBECORE_ENCRYPTION_KEYS", given)
    settings = Settings.load()
    assert settings.encryption_keys == (SecretStr(KEY), SecretStr(OLD_KEY))
    assert settings.encryption_key_bytes() == tuple(base64.urlsafe_b64decode(key) for key in (KEY, OLD_KEY))
    assert [len(key) for key in settings.encryption_key_bytes()] == [32, 32]


def test_an_installation_encrypts_with_its_keys() -> None:
    """With the encryption keys, else with one made from the secret key; on a server with neither, not at all."""
    user_id = UUID(int=1)
    secret = SecretStr(SECRET)
    without, derived, chosen = (
        default_effects(settings).box
        for settings in (
            Settings(),
            Settings(secret_key=secret),
            Settings(secret_key=secret, encryption_keys=(SecretStr(KEY),)),
        )
    )
    with pytest.raises(NotConfigured) as caught:
        without.seal(user_id, b"x")
    assert caught.value.setting in Settings.model_fields
    sealed = derived.seal(user_id, b"x")
    assert chosen.open(user_id, sealed) == b"x"
    assert chosen.outdated(sealed)
    assert Fernet(KEY).decrypt(chosen.seal(user_id, b"x")) == user_id.bytes + b"x"
    in_memory = default_effects(Settings(), in_memory=True).box
    assert in_memory.open(user_id, in_memory.seal(user_id, b"x")) == b"x"


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        SETTINGS.pool_size = 4
    with pytest.raises(ValidationError):
        Settings(pool_sise=4)  # type: ignore[call-arg]  # that is the test
    peppered = Settings(password_peppers={1: SecretStr(SECRET)})
    with pytest.raises(TypeError):
        peppered.password_peppers[2] = SecretStr(OLD)  # type: ignore[index]  # that is the test
    for settings in (SETTINGS, peppered):
        assert pickle.loads(pickle.dumps(settings)) == settings
        assert hash(settings) == hash(settings.model_copy())
    assert peppered.model_dump()["password_peppers"] == {1: SecretStr(SECRET)}


def test_the_length_of_a_key_counts_bytes() -> None:
    """32 bytes, in however few characters."""
    assert Settings(secret_key=SecretStr("ü" * 16)).secret_keys() == ("ü".encode() * 16,)
    with pytest.raises(ValidationError):
        Settings(secret_key=SecretStr("ü" * 15 + "u"))


def test_cursors_pass_between_those_who_share_a_key(url: str) -> None:
    """And only between them: without a key each `connect` has one of its own."""
    from tests.bootstrap.story import signed_in

    without = SETTINGS.model_copy(update={"secret_key": None})
    with (
        vibecore.connect(url, settings=SETTINGS) as one,
        vibecore.connect(url, settings=SETTINGS) as two,
        vibecore.connect(url, settings=without) as alone,
    ):
        ada = signed_in(one)
        for name in ("a", "b"):
            one.projects.create(ada, name=name)
        cursor = one.projects.page(ada, limit=1).next_cursor
        assert two.projects.page(ada, limit=1, cursor=cursor).items
        with pytest.raises(InvalidCursor):
            alone.projects.page(ada, limit=1, cursor=cursor)


def test_a_rotated_key_still_reads_cursors(url: str) -> None:
    """Those of the key before it; the other way round is refused."""
    from tests.bootstrap.story import signed_in

    rotated = SETTINGS.model_copy(
        update={"secret_key": SecretStr(SECRET), "previous_secret_keys": (SETTINGS.secret_key,)}
    )
    with vibecore.connect(url, settings=SETTINGS) as before, vibecore.connect(url, settings=rotated) as after:
        ada = signed_in(before)
        for name in ("a", "b", "c"):
            before.projects.create(ada, name=name)
        cursor = before.projects.page(ada, limit=1).next_cursor
        newer = after.projects.page(ada, limit=1, cursor=cursor).next_cursor
        assert after.projects.page(ada, limit=1, cursor=newer).items
        with pytest.raises(InvalidCursor):
            before.projects.page(ada, limit=1, cursor=newer)


@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS.model_copy(update={"secret_key": None})])
def test_keys_last_where_the_store_does_not_or_a_secret_key_is_set(settings: Settings) -> None:
    """What is signed without one ends with the process; a store in memory does so too."""
    configured = settings.secret_key is not None
    assert default_effects(settings).keys.durable is configured
    assert default_effects(settings, in_memory=True).keys.durable
    one, two = default_effects(settings).keys, default_effects(settings).keys
    assert (one.key("x") == two.key("x")) is configured
    assert one.shared_key("throttle") == two.shared_key("throttle")


def test_previous_keys_verify_without_a_current_one_nothing() -> None:
    """Previous keys alone are none: nothing would sign."""
    alone = Settings(secret_key=None, previous_secret_keys=(SecretStr(OLD),))
    assert alone.secret_keys() == ()
    assert not default_effects(alone).keys.durable
    both = Settings(secret_key=SecretStr(SECRET), previous_secret_keys=(SecretStr(OLD),))
    assert both.secret_keys() == (SECRET.encode(), OLD.encode())
    assert default_effects(both).keys.keys("x")[1] == Keyring(OLD.encode()).key("x")


def test_the_newest_pepper_hashes_and_the_others_verify() -> None:
    """Without any, hashes are those of any other bcrypt."""
    before = SETTINGS.model_copy(update={"password_peppers": {7: SecretStr(OLD)}})
    after = SETTINGS.model_copy(update={"password_peppers": {7: SecretStr(OLD), 12: SecretStr(SECRET)}})
    plain, old, new = (default_effects(settings).hasher for settings in (SETTINGS, before, after))
    stored = [hasher.hash("engine no. 9") for hasher in (plain, old, new)]
    assert [found.split("2b")[0] for found in stored] == ["$", "$vc1$7$", "$vc1$12$"]
    assert [new.verify("engine no. 9", found) for found in stored] == [True, True, True]
    assert [new.outdated(found) for found in stored] == [True, True, False]
    assert [plain.verify("engine no. 9", found) for found in stored] == [True, False, False]
    assert "hunter2" not in repr(default_effects(after))
