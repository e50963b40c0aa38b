"""What `import vibecore` offers, and what it must not cost."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vibecore

HEAVY = (
    "alembic",
    "cryptography",
    "greenlet",
    "psycopg",
    "pydantic",
    "pydantic_settings",
    "pyotp",
    "rich",
    "segno",
    "sqlalchemy",
    "typer",
)


def test_public_names_are_sorted_and_exist() -> None:
    """The public surface is a list, and each name on it can be had."""
    assert sorted(vibecore.__all__) == list(vibecore.__all__)
    assert set(vibecore.__all__) <= set(dir(vibecore))
    for name in vibecore.__all__:
        assert getattr(vibecore, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name fails as on any module."""
    with pytest.raises(AttributeError, match="'conect'"):
        vibecore.__getattr__("conect")


def test_importing_loads_no_heavy_library() -> None:
    """`import vibecore` in a fresh interpreter brings in none of the large libraries."""
    code = f"import sys, vibecore; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []
