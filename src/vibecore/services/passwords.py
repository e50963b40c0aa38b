"""The installation's password hasher: bcrypt, in the two forms that `vibecore.domain.passwords` describes."""

from __future__ import annotations

from typing import Final

from vibecore.domain.passwords import BCRYPT_BYTES, PUBLIC_KEY, PUBLIC_KEY_ID, StoredHash, parse_hash, prehash
from vibecore.domain.policies import BCRYPT_COST, HIGHEST_COST, LOWEST_COST
from vibecore.domain.rules import Integer

# A well-formed hash that nothing is known to match: its digest was made for another cost than any it is used with.
_NOBODY: Final = "$2b${:02d}$C6UzMDM.H6dfI/f/IKcEeO7ZB4bbLbkd6TOHjKlVOjYOxJzHYy6Z."


class BcryptHasher:
    """bcrypt with a cost of 4 to 15 (InvalidValue otherwise); 4 is for tests. Safe to use from many threads.

    Passwords are hashed as they are given: normalise them before.
    """

    def __init__(self, cost: int = BCRYPT_COST) -> None:
        self._cost = Integer(LOWEST_COST, HIGHEST_COST).check("cost", cost)
        self._nobody = StoredHash(_NOBODY.format(self._cost), self._cost, None)

    def hash(self, password: str, /) -> str:
        """A salted hash: plain bcrypt up to 72 bytes of UTF-8, `$vc1$0$...` beyond."""
        import bcrypt

        secret = password.encode()
        if len(secret) <= BCRYPT_BYTES:
            return bcrypt.hashpw(secret, bcrypt.gensalt(self._cost)).decode()
        digest = bcrypt.hashpw(prehash(secret, PUBLIC_KEY), bcrypt.gensalt(self._cost)).decode()
        return f"$vc1${PUBLIC_KEY_ID}{digest}"

    def verify(self, password: str, stored: str, /) -> bool:
        """Whether `stored` belongs to `password`; False for a hash that cannot be read, never an exception.

        A hash that is refused (another algorithm, a cost outside 4 to 15, an unknown key id) is not computed: the time
        of an ordinary check is spent instead, so that such an account does not stand out.
        """
        parsed = parse_hash(stored)
        secret = None if parsed is None else _secret(password, parsed)
        matches = None if parsed is None or secret is None else _matches(secret, parsed)
        if matches is None:
            self.verify_nothing(password)
        return matches is True

    def verify_nothing(self, password: str, /) -> None:
        """Spend the time of `verify` for an account that does not exist."""
        _matches(_utf8(password)[:BCRYPT_BYTES], self._nobody)


def _utf8(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


def _secret(password: str, stored: StoredHash) -> bytes | None:
    """What bcrypt is given; None if the stored hash cannot belong to any such password."""
    if stored.key_id is None:
        secret = _utf8(password)
        return secret if len(secret) <= BCRYPT_BYTES else None
    return prehash(_utf8(password), PUBLIC_KEY) if stored.key_id == PUBLIC_KEY_ID else None


def _matches(secret: bytes, stored: StoredHash) -> bool | None:
    """None where bcrypt refuses to compute: a salt that only looks well formed, a NUL in the secret."""
    import bcrypt

    try:
        return bcrypt.checkpw(secret, stored.bcrypt.encode())
    except ValueError:
        return None
