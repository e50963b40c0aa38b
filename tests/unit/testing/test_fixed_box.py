"""The box of fixed effects: what it seals is real, and the same in every run."""

from __future__ import annotations

from uuid import UUID

import pytest

from vibecore.domain.errors import UnreadableSecret
from vibecore.services.secretbox import SecretBox
from vibecore.testing.effects import FixedBox

ADA, BOB = UUID(int=1), UUID(int=2)


def test_any_box_with_its_key_opens_what_it_sealed() -> None:
    """It writes Fernet tokens like any other, bound to their user."""
    sealed = FixedBox().seal(ADA, b"a secret of twenty b")
    box = SecretBox([FixedBox.KEY])
    assert box.open(ADA, sealed) == b"a secret of twenty b"
    assert not box.outdated(sealed)
    with pytest.raises(UnreadableSecret):
        box.open(BOB, sealed)


def test_two_runs_seal_alike_and_one_run_never_twice_alike() -> None:
    """The n-th secret has the n-th initialisation vector."""
    first, second = FixedBox(), FixedBox()
    sealed = [first.seal(ADA, b"secret") for _ in range(3)]
    assert sealed == [second.seal(ADA, b"secret") for _ in range(3)]
    assert len(set(sealed)) == 3
