from __future__ import annotations

import subprocess
import sys

import pytest

pytest_plugins = "pytester"

APPLICATION = """
import pytest
from vibecore.domain.actors import Actor


def test_it_is_empty_and_open(vibe):
    assert vibe.projects.page(Actor.anonymous()).items == ()


def test_time_is_moved_by_hand(vibe_store, vibe_effects):
    before = vibe_effects.clock()
    with vibe_store.begin() as tx:
        assert tx.now == before
    vibe_effects.clock.move(days=30)
    with vibe_store.begin() as tx:
        assert (tx.now - before).days == 30


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_its_own(vibe, turn):
    vibe.auth.register(Actor.anonymous(), email="ada@example.org", password="engine no. 9", name="Ada")
"""

CHOOSING = """
import pytest


@pytest.fixture(params=["memory"])
def vibe_backend(request, vibe_backends):
    return vibe_backends[request.param]


def test_it_runs_where_it_was_told(vibe, vibe_backend):
    assert vibe_backend.name == "memory"
"""

CONTRACT = """
import pytest
from vibecore.testing.effects import FixedClock
from vibecore.testing.contract.members import *


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def store(vibe_backends, clock):
    with vibe_backends["memory"].open(clock) as store:
        yield store
"""


@pytest.mark.parametrize(("module", "passed"), [(APPLICATION, 4), (CHOOSING, 1), (CONTRACT, 1)])
def test_an_application_can_use_the_fixtures(pytester: pytest.Pytester, module: str, passed: int) -> None:
    """They are there wherever vibecore is installed, and the contract suite needs nothing else."""
    pytester.makepyfile(module)
    pytester.runpytest_subprocess("-p", "no:randomly", "-W", "error").assert_outcomes(passed=passed)


def test_the_plugin_loads_nothing_heavy() -> None:
    """It is imported by every run of pytest where vibecore is installed."""
    heavy = {"sqlalchemy", "psycopg", "pydantic", "hypothesis", "rpds", "alembic"}
    code = f"import sys, vibecore.testing.plugin; assert not {heavy} & set(sys.modules), sys.modules.keys()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
