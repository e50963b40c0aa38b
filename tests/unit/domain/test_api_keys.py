"""The form of API keys, what may stand in their permissions, and what shows of them."""

from __future__ import annotations

import copy
import pickle
import zlib
from hashlib import sha256
from itertools import repeat
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.api_keys import (
    API_KEYS,
    ApiKey,
    CreatedKey,
    KeyInfo,
    PresentedKey,
    api_key_digest,
    check_permissions,
    key_scopes,
    make_api_key,
    parse_api_key,
)
from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import JsonArray
from vibecore.domain.permissions import CREDENTIAL, Action
from vibecore.domain.users import UserRole
from vibecore.testing.builders import build

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
USER = UUID("0198f2b4-7c9e-7aaa-8bbb-000000000001")
KEY = make_api_key(USER, bytes(range(10)), bytes(range(32)))
NAMES = st.binary(min_size=10, max_size=10)
SECRETS = st.binary(min_size=32, max_size=32)


def number(text: str, alphabet: str) -> int:
    return sum(alphabet.index(char) * len(alphabet) ** place for place, char in enumerate(reversed(text)))


def digits(value: int, width: int) -> str:
    return "".join(BASE62[value // 62**place % 62] for place in reversed(range(width)))


def sealed(body: str) -> str:
    """`body` with the right checksum."""
    return body + digits(zlib.crc32(body.encode()), 6)


@given(st.uuids(), NAMES, SECRETS)
def test_a_key_says_whose_it_is(user_id: UUID, name: bytes, secret: bytes) -> None:
    """Its first 20 characters are the prefix, its owner can be read, the store knows the digest of all of it."""
    key = make_api_key(user_id, name, secret)
    assert parse_api_key(key) == PresentedKey(
        user_id=user_id, key_prefix=key[:20], key_hash=sha256(key.encode()).hexdigest()
    )
    assert api_key_digest(key) == sha256(key.encode()).hexdigest()


@given(st.uuids(), NAMES, SECRETS)
def test_every_bit_has_its_place(user_id: UUID, name: bytes, secret: bytes) -> None:
    """Read by another implementation, all 80 + 128 + 256 bits come back, and the checksum is CRC-32."""
    key = make_api_key(user_id, name, secret)
    assert len(key) == 92
    assert key.isascii()
    assert (key[:4], key[20]) == ("vck_", "_")
    assert number(key[4:20], CROCKFORD) == int.from_bytes(name)
    assert number(key[21:43], BASE62) == user_id.int
    assert number(key[43:86], BASE62) == int.from_bytes(secret)
    assert number(key[86:], BASE62) == zlib.crc32(key[:86].encode())


def test_known_keys() -> None:
    """The least, the greatest, and one between: what was handed out stays valid in every later version."""
    least = make_api_key(UUID(int=0), bytes(10), bytes(32))
    greatest = make_api_key(UUID(int=2**128 - 1), b"\xff" * 10, b"\xff" * 32)
    assert least == "vck_" + "0" * 16 + "_" + "0" * 65 + digits(zlib.crc32(least[:-6].encode()), 6)
    assert greatest[:21] == "vck_" + "Z" * 16 + "_"
    assert parse_api_key(least) is not None
    assert parse_api_key(greatest) is not None
    assert KEY == "vck_000G40R40M30E209_030tALZPAEnZsNhfYPWznV003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3ldfgQ"


def test_every_single_changed_character_is_found() -> None:
    """By every other character that may stand there, and by some that may not."""
    for place, char in enumerate(KEY):
        for other in {*BASE62, "_", "-", " ", "é", "\0"} - {char}:
            assert parse_api_key(KEY[:place] + other + KEY[place + 1 :]) is None


@given(st.integers(0, 88), st.text(BASE62, min_size=4, max_size=4))
def test_four_wrong_characters_in_a_row_are_found(start: int, others: str) -> None:
    """CRC-32 finds every burst of up to 32 bits; so two neighbours that change places are found, too."""
    damaged = KEY[:start] + others + KEY[start + 4 :]
    assert parse_api_key(damaged) is None or damaged == KEY


@given(st.text(max_size=100) | st.text(BASE62 + "_", min_size=92, max_size=92).map(lambda text: "vck_" + text[4:]))
def test_any_other_text_is_no_key(text: str) -> None:
    """Whatever a client sends, nothing is raised."""
    assert parse_api_key(text) is None


@pytest.mark.parametrize(
    "text",
    [
        KEY[:-1],
        KEY + "0",
        KEY + "\n",
        " " + KEY,
        KEY[:20],
        "VCK_" + KEY[4:],
        "vcs_" + KEY[4:],
        sealed("vcs_" + KEY[4:86]),
        sealed(KEY[:4] + "u" + KEY[5:86]),
        sealed(KEY[:4] + "U" + KEY[5:86]),
        sealed(KEY[:20].lower() + KEY[20:86]),
        sealed(KEY[:20] + "-" + KEY[21:86]),
        sealed(KEY[:4] + "O" + KEY[5:86]),
        sealed(KEY[:85]),
        sealed(KEY[:86] + "0"),
        KEY.replace("0", "\N{FULLWIDTH DIGIT ZERO}", 1),
        KEY.replace("K", "\N{KELVIN SIGN}"),
        KEY[:-1] + "\ud800",
        "",
    ],
)
def test_there_is_one_spelling(text: str) -> None:
    """No other case, no letter that looks alike, nothing around it, even where the checksum is right."""
    assert parse_api_key(text) is None


@pytest.mark.parametrize(("start", "width", "above"), [(21, 22, 2**128), (21, 22, 62**22 - 1), (43, 43, 2**256)])
def test_numbers_that_are_too_large_are_no_key(start: int, width: int, above: int) -> None:
    """Base 62 has room for more than an id or a secret: such a text would be a second spelling of nothing."""
    assert parse_api_key(sealed(KEY[:start] + digits(above, width) + KEY[start + width : 86])) is None
    assert parse_api_key(sealed(KEY[:start] + digits(above % 2**128, width) + KEY[start + width : 86])) is not None


def test_a_checksum_that_is_too_large_is_wrong() -> None:
    """Not taken modulo 2**32."""
    value = zlib.crc32(KEY[:86].encode()) + 2**32
    assert parse_api_key(KEY[:86] + digits(value, 6)) is None


@pytest.mark.parametrize(("name", "secret"), [(9, 32), (11, 32), (10, 31), (10, 33), (0, 0), (16, 16)])
def test_a_short_secret_makes_no_key(name: int, secret: int) -> None:
    """A source of randomness that gives too little is a fault, not a weaker key."""
    with pytest.raises(ValueError, match="10 and 32 random bytes"):
        make_api_key(USER, bytes(name), bytes(secret))


def test_permissions_are_names_in_one_order() -> None:
    """Actions or their names, from whatever holds them, each once."""
    expected = JsonArray(["project.read", "files.read", "projects.read_all"])
    mixed = ["files.read", Action.PROJECTS_READ_ALL, Action.PROJECT_READ, "project.read", Action.FILES_READ]
    for given_ in (mixed, tuple(mixed), set(mixed), frozenset(mixed), iter(mixed), dict.fromkeys(mixed).keys()):
        found = check_permissions(given_)
        assert found == expected
        assert type(found) is JsonArray
        assert {type(item) for item in found} == {str}
    assert check_permissions([]) == []


@pytest.mark.parametrize("action", Action)
def test_every_action_but_those_on_credentials_can_be_given(action: Action) -> None:
    for spelt in (action, action.value):
        if action in CREDENTIAL:
            with pytest.raises(InvalidValue) as caught:
                check_permissions([spelt])
            assert caught.value.field == "permissions"
        else:
            assert check_permissions([spelt]) == [action.value]


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "project.read",
        b"project.read",
        Action.PROJECT_READ,
        {"project.read": True},
        ["*"],
        ["project.*"],
        ["Project.read"],
        ["project.read "],
        ["PROJECT_READ"],
        ["project.read", None],
        [["project.read"]],
        [UserRole.ADMIN],
        ["project.read"] * 1001,
        repeat("project.read"),
    ],
)
def test_anything_else_is_no_permission(value: Any) -> None:
    """Refused by the name of the field, not dropped: a key without the right it was made for would be a riddle."""
    with pytest.raises(InvalidValue) as caught:
        check_permissions(value)
    assert caught.value.field == "permissions"


def test_stored_permissions_give_only_known_actions() -> None:
    """Whatever another client of the database has put there: no wildcard, no guess, no error."""
    assert key_scopes([]) == frozenset()
    odd = ["project.read", "*", "admin", 7, None, True, {"project.read": 1}, ["files.read"], "PROJECT.READ", ""]
    assert key_scopes(JsonArray(odd)) == {"project.read"}
    assert key_scopes(action.value for action in Action) == {action.value for action in Action}


def test_no_key_and_no_hash_leaves_by_itself() -> None:
    """Neither repr nor str shows one; a new key is neither pickled nor copied; what is listed has none to show."""
    stored = build(API_KEYS, key_hash="canary-hash", key_prefix="vck_public")
    assert isinstance(stored, ApiKey)
    info = KeyInfo.of(stored)
    made = CreatedKey(key=KEY, info=info)
    presented = parse_api_key(KEY)
    for shown in (stored, info, made, presented):
        for text in (repr(shown), str(shown), f"{shown}"):
            assert KEY[20:] not in text
            assert api_key_digest(KEY) not in text
            assert "canary-hash" not in text
    assert "canary-hash" not in str(pickle.dumps(info))
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(made)
    assert {name for name in API_KEYS.names if not hasattr(info, name)} == {"key_hash"}
