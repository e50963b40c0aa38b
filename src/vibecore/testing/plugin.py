"""The pytest plugin that comes with vibecore: an installation with nothing real behind it for an application's tests.

    def test_a_new_project_is_private(vibe, vibe_effects):
        ...

- `vibe`: an open, empty `Vibe` that ends with the test; in memory, without chance, at a fixed time.
- `vibe_effects`: its clock, ids, tokens and hashing; `vibe_effects.clock.move(days=30)` passes time.
- `vibe_store`: its store.
- `vibe_backend`: where it lives. Override this fixture to run on PostgreSQL as well:

      @pytest.fixture(params=["memory", "postgres18"])
      def vibe_backend(request, vibe_backends):
          return vibe_backends[request.param]

- `vibe_backends`: all backends by name, each started at its first use, for the whole session.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from vibecore.bootstrap.vibe import Vibe
    from vibecore.repositories.unit_of_work import Store
    from vibecore.testing.backends import Backend, Backends
    from vibecore.testing.effects import FixedEffects

# Nothing else is imported before a fixture is used: the plugin is loaded wherever vibecore is installed.
pytest.register_assert_rewrite("vibecore.testing.contract")


@pytest.fixture(scope="session")
def vibe_backends() -> Iterator[Backends]:
    """All backends by name, each started at its first use."""
    from vibecore.testing.backends import Backends

    with Backends() as backends:
        yield backends


@pytest.fixture
def vibe_backend(vibe_backends: Backends) -> Backend:
    """The backend that `vibe` runs on: memory, unless overridden."""
    return vibe_backends["memory"]


@pytest.fixture
def vibe_effects() -> FixedEffects:
    """Clock, ids, tokens and hashing without chance."""
    from vibecore.testing.effects import fixed_effects

    return fixed_effects()


@pytest.fixture
def vibe_store(vibe_backend: Backend, vibe_effects: FixedEffects) -> Iterator[Store]:
    """A store on an empty database."""
    with vibe_backend.open(vibe_effects.clock) as store:
        yield store


@pytest.fixture
def vibe(vibe_store: Store, vibe_effects: FixedEffects) -> Vibe:
    """An open, empty installation."""
    from vibecore.bootstrap.vibe import Vibe

    return Vibe(vibe_store, vibe_effects)
