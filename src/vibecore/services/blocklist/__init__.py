"""The most common passwords, from a list that comes with the package: no network is asked. SOURCES.md beside this
module says where the list is from and under which licences."""

from __future__ import annotations

from collections.abc import Container
from functools import cache
from typing import Final, final

_LIST: Final = "passwords.txt.gz"


@final
class CommonPasswords(Container[str]):
    """The lines of an ASCII text as a set of passwords, for the form that `vibecore.domain.passwords.folded` gives.

    The text is searched as it is. That takes a tenth of a set's memory, and less than a hundredth of the time in which
    an accepted password is then hashed.
    """

    __slots__ = ("_lines",)

    def __init__(self, text: bytes) -> None:
        """`text` has one password on each line and ends with a line break."""
        self._lines = b"\n" + text

    def __contains__(self, password: object) -> bool:
        if not isinstance(password, str) or not password.isascii() or "\n" in password:
            return False
        return b"\n%b\n" % password.encode() in self._lines


@cache
def common_passwords() -> CommonPasswords:
    """65,524 passwords, 31,318 of them with 8 characters or more and 9,748 with 15; read at the first call and kept."""
    import gzip
    from importlib.resources import files

    return CommonPasswords(gzip.decompress(files(__name__).joinpath(_LIST).read_bytes()))
