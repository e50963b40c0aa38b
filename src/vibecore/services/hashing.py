"""The installation's password hasher: bcrypt, in the two forms that `vibecore.domain.passwords` describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NoReturn

from vibecore.domain.errors import InvalidValue
from vibecore.domain.passwords import (
    BCRYPT_BYTES,
    HIGHEST_PEPPER_ID,
    LOWEST_PEPPER_ID,
    PEPPER_BYTES,
    PUBLIC_KEY,
    PUBLIC_KEY_ID,
    StoredHash,
    parse_hash,
    prehash,
)
from vibecore.domain.policies import BCRYPT_COST, HIGHEST_COST, LOWEST_COST
from vibecore.domain.rules import Integer, check_text

# A well-formed hash that nothing is known to match: its digest was made for another cost than any it is used with.
_NOBODY: Final = "$2b${:02d}$C6UzMDM.H6dfI/f/IKcEeO7ZB4bbLbkd6TOHjKlVOjYOxJzHYy6Z."


class BcryptHasher:
    """bcrypt with a cost of 4 to 15 (4 is for tests), and with a pepper where an installation has one.

    A pepper is a secret key outside the database, without which stolen hashes cannot be tried at all (NIST SP
    800-63B-4, 3.1.1.2). `peppers` has each under its id, 1 to 9999. The highest id is used for new hashes; hashes of
    the others verify as long as they are given, and so do hashes from before there was one. To rotate, add a pepper
    under a higher id, and take an old one away only when no hash of it is left: an account that still has one cannot
    sign in any more.

    InvalidValue names `cost` or `peppers`: another cost, another id, fewer than 32 bytes. Safe to use from many
    threads; shows no pepper in repr and is neither pickled nor copied. Passwords are hashed as they are given:
    normalise them before.
    """

    __slots__ = ("_cost", "_key_id", "_keys", "_nobody")

    def __init__(self, cost: int = BCRYPT_COST, *, peppers: Mapping[int, bytes] | None = None) -> None:
        self._cost: Final = Integer(LOWEST_COST, HIGHEST_COST).check("cost", cost)
        checked = _checked({} if peppers is None else peppers)
        self._key_id: Final = max(checked, default=None)
        self._keys: Final = {PUBLIC_KEY_ID: PUBLIC_KEY, **checked}
        self._nobody: Final = StoredHash(_NOBODY.format(self._cost), self._cost, None)

    def hash(self, password: str, /) -> str:
        """A salted hash: `$vc1$<key id>...` with the newest pepper; without one plain bcrypt up to 72 bytes of UTF-8,
        `$vc1$0...` beyond. InvalidValue for a NUL or a lone surrogate, which no accepted password has.
        """
        import bcrypt

        secret = check_text("password", password).encode()
        key_id = self._key_id
        if key_id is None:
            if len(secret) <= BCRYPT_BYTES:
                return bcrypt.hashpw(secret, bcrypt.gensalt(self._cost)).decode()
            key_id = PUBLIC_KEY_ID
        digest = bcrypt.hashpw(prehash(secret, self._keys[key_id]), bcrypt.gensalt(self._cost)).decode()
        return f"$vc1${key_id}{digest}"

    def verify(self, password: str, stored: str, /) -> bool:
        """Whether `stored` belongs to `password`; False for a hash that cannot be read, never an exception.

        A hash that is refused (another algorithm, a cost outside 4 to 15, an unknown key id) is not computed: the time
        of an ordinary check is spent instead, so that such an account does not stand out.
        """
        parsed = parse_hash(stored)
        secret = None if parsed is None else self._secret(_utf8(password), parsed.key_id)
        matches = None if parsed is None or secret is None else _matches(secret, parsed)
        if matches is None:
            self.verify_nothing(password)
        return matches is True

    def verify_nothing(self, password: str, /) -> None:
        """Spend the time of `verify` for an account that does not exist."""
        _matches(prehash(_utf8(password), PUBLIC_KEY), self._nobody)

    def outdated(self, stored: str, /) -> bool:
        """Whether `hash` would now choose another algorithm, cost or pepper; True for a hash that cannot be read."""
        parsed = parse_hash(stored)
        if parsed is None or parsed.cost != self._cost or not parsed.bcrypt.startswith("$2b$"):
            return True
        if self._key_id is None:
            return parsed.key_id not in (None, PUBLIC_KEY_ID)
        return parsed.key_id != self._key_id

    def _secret(self, password: bytes, key_id: int | None) -> bytes | None:
        """What bcrypt is given; None if no such password can belong to the stored hash, or its key is unknown."""
        if key_id is None:
            return password if len(password) <= BCRYPT_BYTES else None
        key = self._keys.get(key_id)
        return None if key is None else prehash(password, key)

    def __repr__(self) -> str:
        return f"BcryptHasher(cost={self._cost}, pepper={self._key_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hasher holds secret keys and is not pickled or copied")


def _checked(peppers: object) -> dict[int, bytes]:
    if not isinstance(peppers, Mapping):
        raise InvalidValue("peppers", f"must be a mapping, not {type(peppers).__name__}")
    checked: dict[int, bytes] = {}
    for key_id, pepper in peppers.items():
        if type(key_id) is not int or not LOWEST_PEPPER_ID <= key_id <= HIGHEST_PEPPER_ID:
            raise InvalidValue("peppers", f"needs ids from {LOWEST_PEPPER_ID} to {HIGHEST_PEPPER_ID}")
        if not isinstance(pepper, bytes):
            raise InvalidValue("peppers", f"must hold bytes, not {type(pepper).__name__}")
        if len(pepper) < PEPPER_BYTES:
            raise InvalidValue("peppers", f"{key_id} is shorter than {PEPPER_BYTES} bytes")
        checked[key_id] = pepper
    return checked


def _utf8(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _matches(secret: bytes, stored: StoredHash) -> bool | None:
    """None where bcrypt refuses to compute: a salt that only looks well formed, a NUL in the secret."""
    import bcrypt

    try:
        return bcrypt.checkpw(secret, stored.bcrypt.encode())
    except ValueError:
        return None
