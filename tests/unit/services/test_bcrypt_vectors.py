"""Hashes that others have published: what this installation verifies is what the rest of the world calls bcrypt.

Origins: crypt_blowfish 1.2 (wrapper.c), John the Ripper 1.7.9 (BF_fmt.c), py-bcrypt and the two custom ones by way of
passlib 1.7.4 (passlib/tests/test_handlers_bcrypt.py); `$2b$` and `$2y$` of the package bcrypt 5.0.0
(tests/test_bcrypt.py). Vectors whose password is no UTF-8 are given to bcrypt as the bytes that they are.
"""

from __future__ import annotations

from typing import Final

import pytest

from vibecore.domain.passwords import parse_hash
from vibecore.services.hashing import BcryptHasher, _matches

HASHER: Final = BcryptHasher(4)
PEPPERED: Final = BcryptHasher(4, peppers={7: b"p" * 32})
DIGITS: Final = "0123456789" * 26
ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

TEXT: Final = [
    # crypt_blowfish
    ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
    ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
    ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    (f"{ALPHABET}0123456789", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"),
    # John the Ripper
    ("U*U*U*U*", "$2a$05$c92SVSfjeiCD6F2nAD6y0uBpJDjdRkt0EgeC4/31Rf2LUZbDRDE.O"),
    ("U*U***U", "$2a$05$WY62Xk2TXZ7EvVDQ5fmjNu7b0GEzSzUXUh2cllxJwhtOeMtWV3Ujq"),
    ("U*U***U*", "$2a$05$Fa0iKV3E2SYVUlMknirWU.CFYGvJ67UwVKI1E2FP6XeLiZGcH3MJi"),
    ("*U*U*U*U", "$2a$05$.WRrXibc1zPgIdRXYfv.4uu6TD1KWf0VnHzq/0imhUhuxSxCyeBs2"),
    ("", "$2a$05$Otz9agnajgrAe0.kFVF9V.tzaStZ2s1s4ZWi/LY4sw2k/MTVFj/IO"),
    # py-bcrypt, which took them from jBCrypt
    ("", "$2a$06$DCq7YPn5Rq63x1Lad4cll.TV4S6ytwfsfvkgY8jIucDrjc8deX1s."),
    ("a", "$2a$10$k87L/MF28Q673VKh8/cPi.SUl7MU/rWuSiIDDFayrKk/1tBsSQu4u"),
    ("abc", "$2a$10$WvvTPHKwdBJ3uk0Z37EMR.hLA2W6N9AEBhEgrAOljy2Ae5MtaSIUi"),
    ("abcdefghijklmnopqrstuvwxyz", "$2a$10$fVH8e28OQRj9tqiDXs1e1uxpsjN0c7II7YPKXua2NAKYvM6iQk7dq"),
    ("~!@#$%^&*()      ~!@#$%^&*()PNBFRD", "$2a$10$LgfYWkbzEvQ4JakH7rOvHe0y8pHKF9OaFgwUZ2q7W2FFZmZzJYlfS"),
    # passlib
    ("táБℓə", "$2a$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG"),
    ("táБℓə", "$2b$05$Z17AXnnlpzddNUvnC6cZNOSwMA/8oNiKnHTHTwLlBijfucQQlHjaG"),
    # passlib's for the 8-bit flaw of crypt_blowfish before 1.1: the bytes D1 91
    ("ё", "$2y$05$6bNw2HLQYeqHYyBfLMsv/OUcZd0LKP39b87nBw3.S2tVZSqiQX6eu"),
    # passlib's for the length that OpenBSD counted in eight bits: here its first 72 characters, below all of them
    (DIGITS[:72], "$2a$04$R1lJ2gkNaoPGdafE.H.16.1MKHPvmKwryeulRe225LKProWYwt9Oi"),
    # bcrypt
    ("Kk4DQuMMfZL9o", "$2b$04$cVWp4XaNU8a4v1uMRum2SO026BWLIoQMD/TXg5uZV.0P.uO8m3YEm"),
    ("9IeRXmnGxMYbs", "$2b$04$pQ7gRO7e6wx/936oXhNjrOUNOHL1D0h1N2IDbJZYs.1ppzSof6SPy"),
    ("xVQVbwa1S0M8r", "$2b$04$SQe9knOzepOVKoYXo9xTteNYr6MBwVz4tpriJVe3PNgYufGIsgKcW"),
    ("Zfgr26LWd22Za", "$2b$04$eH8zX.q5Q.j2hO1NkVYJQOM6KxntS/ow3.YzVmFrE4t//CoF4fvne"),
    ("Tg4daC27epFBE", "$2b$04$ahiTdwRXpUG2JLRcIznxc.s1.ydaPGD372bsGs8NqyYjLY1inG5n2"),
    ("xhQPMmwh5ALzW", "$2b$04$nQn78dV0hGHf5wUBe0zOFu8n07ZbWWOKoGasZKRspZxtt.vBRNMIy"),
    ("59je8h5Gj71tg", "$2b$04$cvXudZ5ugTg95W.rOjMITuM1jC0piCl3zF5cmGhzCibHZrNHkmckG"),
    ("wT4fHJa2N9WSW", "$2b$04$YYjtiq4Uh88yUsExO0RNTuEJ.tZlsONac16A8OcLHleWFjVawfGvO"),
]
BYTES: Final = [
    # crypt_blowfish
    (b"\xa3", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xff\xa3345", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nRht2l/HRhr6zmCp9vYUvvsqynflf9e"),
    (b"\xa3ab", "$2a$05$/OK.fbVrR/bpIqNJ5ianF.6IflQkJytoRVc1yuaNtHfiuq.FRlSIS"),
    (b"\xaa" * 72, "$2a$05$/OK.fbVrR/bpIqNJ5ianF.swQOIzjOiJ9GHEPuhEkvqrUyvWhEMx6"),
    (b"\xaa\x55" * 36, "$2a$05$/OK.fbVrR/bpIqNJ5ianF.R9xrDjiycxMbQE2bp.vgqlYpW5wx2yy"),
    (b"\x55\xaa\xff" * 24, "$2a$05$/OK.fbVrR/bpIqNJ5ianF.9tQZzcJfm3uj2NvJ/n5xkhpqLrMpWCe"),
    (b"\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"),
    (b"\xff\xff\xa3", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"),
]


@pytest.mark.parametrize(("password", "stored"), TEXT)
@pytest.mark.parametrize("hasher", [HASHER, PEPPERED], ids=["plain", "peppered"])
def test_published_hashes_verify(hasher: BcryptHasher, password: str, stored: str) -> None:
    """Under their own prefix, and under the two others, which name the same computation."""
    assert hasher.verify(password, stored)
    assert not hasher.verify(password + "x", stored)
    if stored[4:6] in ("04", "05"):
        for prefix in ("$2a$", "$2b$", "$2y$"):
            assert hasher.verify(password, prefix + stored[4:])


@pytest.mark.parametrize(("password", "stored"), BYTES)
def test_published_hashes_of_other_bytes_match(password: bytes, stored: str) -> None:
    """The top bit of a byte counts: the flaw for which crypt_blowfish made `$2y$`."""
    parsed = parse_hash(stored)
    assert parsed is not None
    assert _matches(password, parsed) is True
    assert _matches(bytes(byte & 0x7F for byte in password), parsed) is False


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        (f"{ALPHABET}0123456789chars after 72 are ignored", TEXT[4][1]),
        *((DIGITS[:length], TEXT[18][1]) for length in (73, 254, 255, 256, 257)),
    ],
)
def test_what_bcrypt_would_cut_is_no_match(password: str, stored: str) -> None:
    """Their authors publish these as matches, since bcrypt ignores what follows 72 bytes. Here every byte counts."""
    assert HASHER.verify(password[:72], stored)
    assert not HASHER.verify(password, stored)


@pytest.mark.parametrize(
    ("password", "stored"),
    [
        ("U*U", "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
    ],
)
def test_the_flawed_variants_are_refused(password: str, stored: str) -> None:
    """`$2x$` marks hashes of the 8-bit flaw, `$2$` those before 1997: for ASCII they would even be equal."""
    assert not HASHER.verify(password, stored)
