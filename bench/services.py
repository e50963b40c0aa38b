"""Round trips of service calls, counted on the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from bench.measure import Figure
from vibecore.bootstrap.connect import connect
from vibecore.domain.projects import ProjectStatus
from vibecore.testing.wiretap import Wiretap

PASSWORD = "correct horse battery staple"


def figures(url: str) -> Iterator[Figure]:
    """The most round trips of any read and of any write, over every call of `calls`."""
    with Wiretap(url) as tap, connect(tap.url) as vibe:
        email = f"{uuid4().hex}@example.org"
        from vibecore.domain.actors import Actor

        vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name="Ada")
        login = vibe.auth.login(email=email, password=PASSWORD)
        reads, writes = calls(vibe, login)
        yield worst("round trips of a read", tap, reads, 1)
        yield worst("round trips of a write", tap, writes, 3)


Calls = dict[str, Callable[[], Any]]


def calls(vibe: Any, login: Any) -> tuple[Calls, Calls]:
    """(reads, writes) by name; each can be repeated."""
    actor = login.actor
    project = vibe.projects.create(actor, name="engine")
    vibe.files.write(actor, project.id, "src/app.py", "print(1)\n")
    numbers = iter(range(10**9))
    reads: Calls = {
        "auth.authenticate": lambda: vibe.auth.authenticate(login.token),
        "users.get": lambda: vibe.users.get(actor, actor.user_id),
        "projects.get": lambda: vibe.projects.get(actor, project.id),
        "projects.page": lambda: vibe.projects.page(actor),
        "files.read": lambda: vibe.files.read(actor, project.id, "src/app.py"),
        "files.tree": lambda: vibe.files.tree(actor, project.id),
        "deployments.page": lambda: vibe.deployments.page(actor, project.id),
        "reviews.latest": lambda: vibe.reviews.latest(actor, project.id),
        "quality.history": lambda: vibe.quality.history(actor, project.id),
        "audit.page": lambda: vibe.audit.page(actor, project_id=project.id),
    }
    states = iter([ProjectStatus.IN_PROGRESS, ProjectStatus.PLANNING] * 1000)
    writes: Calls = {
        "projects.create": lambda: vibe.projects.create(actor, name="another"),
        "projects.update": lambda: vibe.projects.update(actor, project.id, description=str(next(numbers))),
        "projects.set_status": lambda: vibe.projects.set_status(actor, project.id, status=next(states)),
        "files.write (new)": lambda: vibe.files.write(actor, project.id, f"src/{next(numbers)}/new.py", "x\n"),
        "files.write (changed)": lambda: vibe.files.write(actor, project.id, "src/app.py", f"{next(numbers)}\n"),
        "files.move": lambda: (
            vibe.files.move(actor, project.id, "src/app.py", "src/app.py2")
            and vibe.files.move(actor, project.id, "src/app.py2", "src/app.py")
        ),
        "deployments.create": lambda: vibe.deployments.create(
            actor, project.id, environment=f"e{next(numbers)}", version="1"
        ),
        "quality.assess": lambda: vibe.quality.assess(actor, project.id),
    }
    return reads, writes


CALLS_IN = {"files.move": 2}
"""Calls that one entry makes, where it needs a second to be repeatable."""


def worst(name: str, tap: Wiretap, chosen: Calls, goal: int) -> Figure:
    counted = {}
    for label, call in chosen.items():
        call()
        before = tap.round_trips
        call()
        counted[label] = (tap.round_trips - before) / CALLS_IN.get(label, 1)
    most = max(counted.values())
    slow = ", ".join(label for label, count in counted.items() if count == most)
    return Figure(
        f"{name} (most: {slow if len(slow) < 60 else 'all alike'})", f"{most:.0f}", f"goal {goal}", most / goal, 1.0
    )
