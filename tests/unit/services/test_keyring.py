from __future__ import annotations

import copy
import hmac
import pickle
import subprocess
import sys
from typing import Any

import pytest

from vibecore.domain.errors import InvalidValue
from vibecore.domain.signed_tokens import Purpose
from vibecore.services.keyring import PUBLIC_SECRET, Keyring
from vibecore.testing.effects import fixed_effects

NEW, OLD, OLDER = b"n" * 32, b"o" * 32, b"p" * 33


def rfc5869(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without salt and with one block of output, as the RFC writes it."""
    extracted = hmac.digest(bytes(32), secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")


def test_keys_are_derived_as_the_rfc_says() -> None:
    """Another implementation can derive them from the secret key and the purpose."""
    ring = Keyring(NEW, previous=(OLD, OLDER))
    assert ring.key("token/x") == rfc5869(NEW, b"vibecore/v1/token/x")
    assert ring.keys("token/x") == tuple(rfc5869(secret, b"vibecore/v1/token/x") for secret in (NEW, OLD, OLDER))


def test_every_purpose_has_a_key_of_its_own() -> None:
    ring = Keyring(NEW)
    keys = {ring.key(purpose) for purpose in Purpose} | {ring.key("throttle")}
    assert len(keys) == len(Purpose) + 1
    assert {len(key) for key in keys} == {32}
    assert ring.keys("throttle") == (ring.key("throttle"),)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_verifies() -> None:
    """Newest first."""
    before, after = Keyring(OLD), Keyring(NEW, previous=(OLD,))
    assert after.key("x") != before.key("x")
    assert after.keys("x") == (after.key("x"), before.key("x"))


def test_keys_are_derived_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Later calls cost a look-up."""
    ring = Keyring(NEW, previous=(OLD,))
    first = ring.keys("x")
    assert all(again is key for again, key in zip(ring.keys("x"), first, strict=True))
    assert ring.key("x") is first[0]


def test_processes_agree_on_the_keys_of_throttles() -> None:
    """From the secret key; without one from the public constant, and never from what is random."""
    assert Keyring(NEW).shared_key("throttle") == Keyring(NEW).key("throttle")
    one, two = Keyring.random(), Keyring.random()
    assert not one.durable
    assert one.key("x") != two.key("x")
    assert one.shared_key("throttle") == two.shared_key("throttle") == rfc5869(PUBLIC_SECRET, b"vibecore/v1/throttle")
    assert one.shared_key("throttle") != one.shared_key("other")


def test_a_store_in_this_process_has_no_use_for_the_public_key() -> None:
    """It ends with the random one."""
    ring = Keyring.random(durable=True)
    assert ring.durable
    assert ring.shared_key("throttle") == ring.key("throttle")


@pytest.mark.parametrize(
    ("secret", "previous", "field"),
    [
        (b"n" * 31, (), "secret_key"),
        ("n" * 32, (), "secret_key"),
        (NEW, (b"",), "previous_secret_keys"),
        (NEW, (OLD, None), "previous_secret_keys"),
    ],
)
def test_weak_secrets_are_refused(secret: Any, previous: Any, field: str) -> None:
    """By the name of the setting, without a word of them."""
    with pytest.raises(InvalidValue) as caught:
        Keyring(secret, previous=previous)
    assert caught.value.field == field
    assert "nnnn" not in str(caught.value)


def test_a_key_needs_a_purpose() -> None:
    with pytest.raises(InvalidValue, match="purpose: is empty"):
        Keyring(NEW).key("")


def test_a_keyring_shows_nothing_and_goes_nowhere() -> None:
    """No repr, no pickle, no copy, no change."""
    ring = Keyring(NEW, previous=(OLD,))
    ring.key("x")
    assert repr(ring) == str(ring) == "Keyring(durable=True)"
    assert not hasattr(ring, "__dict__")
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(ring)
    with pytest.raises(AttributeError):
        ring._durable = False
    with pytest.raises(AttributeError):
        del ring._durable
    assert "nnnn" not in repr(fixed_effects())


def test_fixed_effects_have_equal_keys() -> None:
    """So that two stores that are driven alike answer with equal tokens."""
    one, two = fixed_effects(), fixed_effects()
    assert one.keys.durable
    assert one.keys.key("x") == two.keys.key("x")


def test_making_a_keyring_loads_no_cryptography() -> None:
    """Only the first key does: most programs sign nothing."""
    code = (
        "import sys, vibecore; from vibecore.services.keyring import Keyring; from vibecore.bootstrap.settings import "
        "Settings; vibe = vibecore.connect('memory://', settings=Settings()); Keyring.random(); "
        "print('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
