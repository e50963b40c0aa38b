from __future__ import annotations

import base64
import copy
import pickle
import subprocess
import sys
from itertools import permutations
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue, NotConfigured, StoreError, UnreadableSecret
from vibecore.services.keyring import Keyring
from vibecore.services.secretbox import LONGEST_SECRET, SecretBox

ADA, BOB = UUID(int=1), UUID(int=2)
KEYS = tuple(bytes([number]) * 32 for number in range(4))
SECRETS = st.binary(max_size=LONGEST_SECRET)
BOX = SecretBox(KEYS[:1])
SEALED = BOX.seal(ADA, b"secret of ada")
SECRET_KEY, OLD_SECRET_KEY = b"n" * 32, b"o" * 32


@given(st.uuids(), SECRETS)
def test_what_is_sealed_is_opened(user_id: UUID, secret: bytes) -> None:
    """By its user, and it fits the column; two seals of one secret do not look alike."""
    sealed = BOX.seal(user_id, secret)
    assert len(sealed) <= 255
    assert sealed.isascii()
    assert BOX.open(user_id, sealed) == secret
    assert BOX.seal(user_id, secret) != sealed
    assert not BOX.outdated(sealed)


@given(st.uuids(), st.uuids(), SECRETS)
def test_a_secret_of_another_user_is_not_opened(one: UUID, two: UUID, secret: bytes) -> None:
    """Not even by somebody who can write to the table."""
    sealed = BOX.seal(one, secret)
    if one == two:
        assert BOX.open(two, sealed) == secret
        return
    for call in (BOX.open, BOX.reseal):
        with pytest.raises(UnreadableSecret):
            call(two, sealed)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_any_key_opens_and_the_newest_seals(order: tuple[int, ...]) -> None:
    """In whatever order keys come and go: a secret is opened as long as its key is there, and resealed it needs only
    the newest."""
    box = SecretBox(KEYS[number] for number in order)
    newest = SecretBox([KEYS[order[0]]])
    for number in range(3):
        sealed = SecretBox([KEYS[number]]).seal(ADA, b"secret of ada")
        assert box.open(ADA, sealed) == b"secret of ada"
        assert box.outdated(sealed) is (number != order[0])
        again = box.reseal(ADA, sealed)
        assert not box.outdated(again)
        assert newest.open(ADA, again) == b"secret of ada"
    assert newest.open(ADA, box.seal(ADA, b"x")) == b"x"


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), min_size=1, max_size=6), SECRETS)
def test_a_secret_survives_every_rotation_that_keeps_its_key(rotations: list[list[int]], secret: bytes) -> None:
    """And none that does not; what is outdated is resealed on use, as the services do it."""
    held = 0
    sealed = SecretBox([KEYS[held]]).seal(ADA, secret)
    for order in rotations:
        box = SecretBox(KEYS[number] for number in order)
        if held not in order:
            with pytest.raises(UnreadableSecret):
                box.open(ADA, sealed)
            with pytest.raises(UnreadableSecret):
                box.outdated(sealed)
            return
        assert box.open(ADA, sealed) == secret
        assert box.outdated(sealed) is (held != order[0])
        if box.outdated(sealed):
            sealed, held = box.reseal(ADA, sealed), order[0]


def test_the_keys_of_the_secret_key_come_last() -> None:
    """What was sealed without encryption keys is opened after some were chosen, and is due for another seal."""
    ring = Keyring(SECRET_KEY)
    before, after = SecretBox(keyring=ring), SecretBox(KEYS[:1], keyring=ring)
    sealed = before.seal(ADA, b"secret of ada")
    assert not before.outdated(sealed)
    assert after.outdated(sealed)
    again = after.reseal(ADA, sealed)
    assert SecretBox(KEYS[:1]).open(ADA, again) == b"secret of ada"
    with pytest.raises(UnreadableSecret):
        before.open(ADA, again)


def test_the_secret_key_can_be_rotated() -> None:
    """With the old one among the previous ones."""
    sealed = SecretBox(keyring=Keyring(OLD_SECRET_KEY)).seal(ADA, b"secret of ada")
    rotated = SecretBox(keyring=Keyring(SECRET_KEY, previous=(OLD_SECRET_KEY,)))
    assert rotated.outdated(sealed)
    assert SecretBox(keyring=Keyring(SECRET_KEY)).open(ADA, rotated.reseal(ADA, sealed)) == b"secret of ada"
    with pytest.raises(UnreadableSecret):
        SecretBox(keyring=Keyring(SECRET_KEY)).open(ADA, sealed)


def test_the_key_for_second_factors_serves_nothing_else() -> None:
    """It is that of its own purpose, and Fernet reads what was sealed with it."""
    ring = Keyring(SECRET_KEY)
    sealed = SecretBox(keyring=ring).seal(ADA, b"secret of ada")
    key = base64.urlsafe_b64encode(ring.key("two-factor"))
    assert Fernet(key).decrypt(sealed) == ADA.bytes + b"secret of ada"


@pytest.mark.parametrize("box", [SecretBox(), SecretBox([]), SecretBox(keyring=Keyring.random())])
def test_without_a_key_the_setting_is_named(box: SecretBox) -> None:
    """Also where the keyring is one that would be gone with the process: nothing is sealed that nobody could open."""
    for call in (
        lambda: box.seal(ADA, b"x"),
        lambda: box.open(ADA, SEALED),
        lambda: box.outdated(SEALED),
        lambda: box.reseal(ADA, SEALED),
    ):
        with pytest.raises(NotConfigured, match="VIBECORE_ENCRYPTION_KEYS") as caught:
            call()
        assert caught.value.setting == "encryption_keys"
        assert isinstance(caught.value, StoreError)
        again = pickle.loads(pickle.dumps(caught.value))
        assert again.facts == {"setting": "encryption_keys"}


def test_a_keyring_that_lives_as_long_as_its_store_serves() -> None:
    """As in memory, where both end together."""
    box = SecretBox(keyring=Keyring.random(durable=True))
    assert box.open(ADA, box.seal(ADA, b"x")) == b"x"


@given(st.integers(0, len(SEALED) - 1), st.characters(max_codepoint=255))
def test_a_damaged_secret_is_not_opened(place: int, char: str) -> None:
    """Whichever character is another: there is one spelling."""
    damaged = SEALED[:place] + char + SEALED[place + 1 :]
    if damaged == SEALED:
        assert BOX.open(ADA, damaged) == b"secret of ada"
        return
    with pytest.raises(UnreadableSecret):
        BOX.open(ADA, damaged)
    with pytest.raises(UnreadableSecret):
        BOX.outdated(damaged)


def test_a_second_spelling_is_not_opened() -> None:
    """Base64 leaves bits of the last character unused: others there decode to the same bytes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    padded = SEALED.rstrip("=")
    twin = padded[:-1] + alphabet[alphabet.index(padded[-1]) + 1] + SEALED[len(padded) :]
    assert base64.urlsafe_b64decode(twin) == base64.urlsafe_b64decode(SEALED)
    with pytest.raises(UnreadableSecret):
        BOX.open(ADA, twin)


@given(st.text(max_size=300) | st.binary(max_size=190).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_whatever_is_stored_one_error_is_raised(sealed: str) -> None:
    with pytest.raises(UnreadableSecret) as caught:
        BOX.open(ADA, sealed)
    assert caught.value.facts == {}
    assert not sealed.strip() or len(sealed) < 4 or sealed not in str(caught.value)


@pytest.mark.parametrize(
    "sealed",
    [
        SEALED[:-1],
        SEALED + "=",
        SEALED + "\n",
        " " + SEALED,
        SEALED[:20] + "!" + SEALED[20:],
        SEALED[:20] + "\n" + SEALED[20:],
        SEALED.replace("=", ""),
        SEALED.encode(),
        Fernet(base64.urlsafe_b64encode(KEYS[0])).encrypt(b"short").decode(),
        Fernet(base64.urlsafe_b64encode(KEYS[0])).encrypt(b"").decode(),
        Fernet(base64.urlsafe_b64encode(KEYS[0])).encrypt(ADA.bytes[:15]).decode(),
        Fernet(base64.urlsafe_b64encode(KEYS[0])).encrypt(b"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP").decode(),
        None,
        5,
    ],
)
def test_what_others_wrote_is_not_opened(sealed: Any) -> None:
    """Truncated, padded, split, in bytes, or a token of the right key without the user's id."""
    with pytest.raises(UnreadableSecret) as caught:
        BOX.open(ADA, sealed)
    assert caught.value.__cause__ is None


def test_the_time_of_sealing_is_not_told() -> None:
    """Fernet writes one in the clear; here it is always 1970."""
    assert Fernet(base64.urlsafe_b64encode(KEYS[0])).extract_timestamp(SEALED) == 0


@pytest.mark.parametrize("key", [b"", b"x" * 31, b"x" * 33, "x" * 32, bytearray(32), None, Fernet.generate_key()])
def test_a_key_has_32_bytes(key: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        SecretBox([KEYS[0], key])
    assert caught.value.field == "encryption_keys"


@pytest.mark.parametrize("secret", [bytes(LONGEST_SECRET + 1), "text", None, bytearray(20)])
def test_what_cannot_be_stored_is_not_sealed(secret: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        BOX.seal(ADA, secret)
    assert caught.value.field == "secret"
    with pytest.raises(InvalidValue) as caught:
        BOX.seal(str(ADA), b"x")  # type: ignore[arg-type]  # that is the test
    assert caught.value.field == "user_id"


def test_the_longest_secret_fits_the_column() -> None:
    """With one byte more it would not."""
    assert len(BOX.seal(ADA, bytes(LONGEST_SECRET))) <= 255
    key = Fernet(base64.urlsafe_b64encode(KEYS[0]))
    assert len(key.encrypt(ADA.bytes + bytes(LONGEST_SECRET + 1))) > 255


def test_a_box_shows_nothing_and_does_not_change() -> None:
    """Neither in repr nor in a pickle or copy."""
    box = SecretBox([b"the key that nobody should see !"], keyring=Keyring(SECRET_KEY))
    box.seal(ADA, b"x")
    assert f"{box} {box!r}" == "SecretBox(configured=True) SecretBox(configured=True)"
    assert repr(SecretBox()) == "SecretBox(configured=False)"
    for call in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            call(box)
    with pytest.raises(AttributeError):
        box._keys = ()
    with pytest.raises(AttributeError):
        del box._keys


def test_many_threads_use_a_box() -> None:
    """Also those that are first."""
    box, opened = SecretBox(KEYS[:1]), list[bytes]()
    threads = [Thread(target=lambda: opened.append(box.open(ADA, SEALED))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened == [b"secret of ada"] * 8


def test_a_box_that_is_not_used_loads_nothing() -> None:
    """Opening an installation costs the same whether it has keys or not."""
    code = (
        "import sys; from vibecore.services.keyring import Keyring; from vibecore.services.secretbox import SecretBox;"
        "SecretBox([bytes(32)], keyring=Keyring(bytes(32))); print('cryptography' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
