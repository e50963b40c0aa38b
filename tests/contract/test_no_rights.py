"""Whoever has no right changes nothing but what is their own, whatever they call, in whatever order."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.projects import Visibility
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.effects import FixedClock, fixed_effects
from vibecore.testing.parity.outcomes import outcome
from vibecore.testing.parity.services import a_service_call, public_methods
from vibecore.testing.parity.world import World, make_folders

PASSWORD: Final = "only the owner knows this one"
METHODS: Final = public_methods(Services(cast(Any, SimpleNamespace(effects=None))))
OWNED: Final = (
    *("sessions", "superseded_tokens", "api_keys", "recovery_codes"),
    *("notifications", "notification_preferences", "webhooks", "deliveries"),
)
CHILDREN: Final = ("members", "files", "deployments", "reviews", "tests", "pipelines", "executions", "scores")


class Castle:
    """An owner with one of everything, an administrator, and people without rights who know every id there is."""

    def __init__(self, store: Store, clock: FixedClock, folder: Path) -> None:
        self.store = store
        self.vibe = Vibe(store, fixed_effects(clock=clock))
        system = Actor.system("test")
        root = self.vibe.users.create_admin(system, email="root@castle.example", password=PASSWORD, name="Root")
        owner = self.person("owner@castle.example")
        stranger = self.person("eve@castle.example")
        made = self.vibe.projects.create(owner, name="castle", visibility=Visibility.PRIVATE)
        public = self.vibe.projects.create(owner, name="garden", visibility=Visibility.PUBLIC)
        file = self.vibe.files.write(owner, made.id, "a/b", "x\n")
        deployment = self.vibe.deployments.create(owner, made.id, environment="production", version="1.0")
        for status in (DeploymentStatus.BUILDING, DeploymentStatus.RUNNING):
            self.vibe.deployments.transition(owner, made.id, deployment.id, status, reason="go")
        review = self.vibe.reviews.record(owner, made.id, "a/b", score=90)
        key = self.vibe.api_keys.create(owner, name="k", permissions=["project.read"])
        assert owner.user_id is not None
        assert owner.session_id is not None
        self.people, self.projects = (root.id, owner.user_id), (made.id, public.id)
        self.world = World(folder, clock)
        viewer = Actor(
            kind=ActorKind.API_KEY, user_id=owner.user_id, role=UserRole.DEVELOPER, scopes=frozenset({"project.read"})
        )
        self.world.actors = [stranger, stranger, Actor.anonymous(), viewer]
        self.world.users = list(self.people)
        self.world.projects = [made, public]
        for child in (file, deployment, review):
            self.world.learn(child)
        self.world.key_ids = [key.info.id]
        self.world.session_ids = [owner.session_id]

    def person(self, email: str) -> Actor:
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Somebody")
        return self.vibe.auth.login(email=email, password=PASSWORD).actor

    def state(self) -> dict[str, Any]:
        """Every row of the owner and the administrator."""
        with self.store.begin(Mode.SNAPSHOT) as tx:
            found: dict[str, Any] = {"users": [tx.users.find(user_id) for user_id in self.people]}
            found["projects"] = [tx.projects.find(project_id) for project_id in self.projects]
            for name in OWNED:
                found[name] = [list(getattr(tx, name).stream(user_id)) for user_id in self.people]
            for name in CHILDREN:
                found[name] = [list(getattr(tx, name).stream(project_id)) for project_id in self.projects]
            return found


@pytest.fixture
def castle(store: Store, clock: FixedClock, tmp_path: Path) -> Castle:
    make_folders(tmp_path)
    return Castle(store, clock, tmp_path)


@given(data=st.data())
def test_attack_who_has_no_right_changes_nothing_of_others(castle: Castle, data: st.DataObject) -> None:
    """A stranger, nobody, and a key of the owner that may only read: calls of every service in any order, with every
    id known."""
    before = castle.state()
    for chosen in data.draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=12)):
        call = data.draw(a_service_call(castle.world, chosen))
        actor = call.args[0] if call.args and isinstance(call.args[0], Actor) else None
        assert actor is None or actor.kind is not ActorKind.SYSTEM
        found = outcome(lambda call=call: call(castle.vibe))  # type: ignore[misc]
        assert castle.state() == before, f"{call} came to {found}"
