"""The machine itself: it runs clean, and it finds what is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from vibecore.domain import paging
from vibecore.domain.errors import NotFound
from vibecore.testing.backends import MEMORY, Backend, Backends, names
from vibecore.testing.parity.machine import between

SERVERS = [name for name in names() if name != MEMORY]


def run(reference: Backend, tested: Backend, examples: int) -> int:
    """The steps that a run of the machine made."""
    machine = between(reference, tested)
    profile = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    run_state_machine_as_test(machine, settings=profile)
    return machine.steps


@pytest.mark.parametrize("server", SERVERS)
def test_backends_cannot_be_told_apart(vibe_backends: Backends, server: str) -> None:
    """A short run of the machine; `make parity` runs it long."""
    assert run(vibe_backends[MEMORY], vibe_backends[server], 25) > 400


_STEPS = paging.sort_steps


def _ascending(listing: paging.Listing) -> list[tuple[Callable[[Any], Any], bool]]:
    return [(key, False) for key, _ in _STEPS(listing)]


PLANTED = {
    "an order that ignores its direction": ("vibecore.domain.paging.sort_steps", _ascending),
    "a row that is never found": (
        "vibecore.repositories.memory.members.MemoryMembers.find_user",
        lambda self, project_id, user_id: (_ for _ in ()).throw(NotFound("member")),
    ),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_divergence_is_found(vibe_backends: Backends, monkeypatch: pytest.MonkeyPatch, planted: str) -> None:
    """Changing one rule of the memory backend makes the machine stop, after about 60 examples; 260 were the most."""
    target, replacement = PLANTED[planted]
    monkeypatch.setattr(target, replacement)
    with pytest.raises(AssertionError):
        run(vibe_backends[MEMORY], vibe_backends["postgres18"], 2000)
