"""What all tests share: Hypothesis profiles, and the store that a test of the contract gets, on every backend."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.backends import Backend, Backends, names
from vibecore.testing.effects import FixedClock

# A fixture that opens a database runs once for all examples; the tests that use one begin each example anew.
_SHARED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}
settings.register_profile("default", max_examples=30, **_SHARED)  # type: ignore[arg-type]
settings.register_profile("ci", max_examples=100, derandomize=True, print_blob=True, **_SHARED)  # type: ignore[arg-type]
settings.register_profile("thorough", max_examples=2000, **_SHARED)  # type: ignore[arg-type]
settings.load_profile(os.environ.get("VIBECORE_HYPOTHESIS", "ci" if os.environ.get("CI") else "default"))


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text is named after its parameter. Keys, hashes and tokens are others in every process, but pytest-xdist
    runs only tests that have the same ids in all of them."""
    return argname if isinstance(val, (str, bytes)) and len(val) > 40 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is called an attack is one: `pytest -m attack` runs exactly these."""
    for item in items:
        if isinstance(item, pytest.Function) and item.originalname.startswith("test_attack_"):
            item.add_marker(pytest.mark.attack)


@pytest.fixture(autouse=True)
def _nothing_is_left_behind() -> Iterator[None]:
    """What a test leaves for the garbage collector to close, such as a connection, fails in its own tear-down and not
    in that of a later test. What was there before is not looked at, which would take a hundred times as long."""
    gc.freeze()
    yield
    gc.collect()


@pytest.fixture(params=names())
def backend(request: pytest.FixtureRequest, vibe_backends: Backends) -> Backend:
    """Each backend in turn."""
    return vibe_backends[request.param]


@pytest.fixture
def clock() -> FixedClock:
    """The store's clock; a test moves it."""
    return FixedClock()


@pytest.fixture
def store(backend: Backend, clock: FixedClock) -> Iterator[Store]:
    """A store on an empty database."""
    with backend.open(clock) as store:
        yield store


@pytest.fixture
def tx(store: Store) -> Iterator[UnitOfWork]:
    """An open unit of work that writes; it ends with the test."""
    with store.begin() as tx:
        yield tx
