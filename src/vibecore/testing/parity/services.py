"""Random service calls: every public method of every service, found by reflection."""

from __future__ import annotations

import inspect
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from vibecore.bootstrap.services import Services
from vibecore.services.deployments.following import LogStream
from vibecore.testing.parity.arguments import ARGUMENTS, BY_METHOD, NO_ID, PERSONAL, SPOILT, SPOILT_BY_METHOD, Scene
from vibecore.testing.parity.world import World

LEFT_OUT: Final = frozenset({"progress", "reviewers", "follow"})
"""Parameters that take code, or that make a call wait for what nobody does meanwhile."""
WAITING: Final = frozenset({("maintenance", "prepare_audit")})
"""Methods for which a server waits until nobody reads beside them."""


@dataclass(frozen=True)
class ServiceCall:
    """One service call, as data."""

    service: str
    method: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)

    def __call__(self, services: Services) -> Any:
        call = getattr(getattr(services, self.service), self.method)
        if self.method != "export_tree":
            result = call(*self.args, **self.kwargs)
            return list(result) if isinstance(result, LogStream) else result
        actor, project_id, target = self.args
        return exported(target, lambda place: call(actor, project_id, place, **self.kwargs))


def exported(like: Path | str, export: Callable[[Path | str], Any]) -> tuple[Any, dict[str, bytes | None]]:
    """What `export` returns for a target that is a copy of `like`, and what then stands there: each side has its own.

    The bytes of files, an archive's too; None for a folder. A text is no target, and stays as it is.
    """
    with tempfile.TemporaryDirectory(prefix="vibecore-parity-") as name:
        target = Path(name, "target")
        if isinstance(like, Path) and like.is_dir():
            shutil.copytree(like, target)
        report = export(target if isinstance(like, Path) else like)
        found = sorted(Path(name).rglob("*"))
        return report, {str(place.relative_to(name)): None if place.is_dir() else place.read_bytes() for place in found}


def public_methods(services: Services) -> list[tuple[str, str, inspect.Signature]]:
    """(service, method, signature) of every public method of `services`."""
    return [
        (noun, name, inspect.signature(function))
        for noun, service in sorted(vars(services).items())
        if not noun.startswith("_")
        for name, function in inspect.getmembers(type(service), inspect.isfunction)
        if not name.startswith("_")
    ]


@st.composite
def a_service_call(draw: DrawFn, world: World, chosen: tuple[str, str, inspect.Signature]) -> ServiceCall:
    """A call of the chosen method; optional arguments are given every other time, and in every fourth call one argument
    does not fit."""
    service, method, signature = chosen
    parameters = [each for each in list(signature.parameters.values())[1:] if each.name not in LEFT_OUT]
    scene = draw(_a_scene(world, (service, method), about_project="project_id" in signature.parameters))
    spoilt = draw(st.sampled_from([each.name for each in parameters])) if draw(_EVERY_FOURTH) and parameters else None
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in parameters:
        name = parameter.name
        optional = parameter.default is not inspect.Parameter.empty
        if optional and name != spoilt and draw(st.booleans()):
            continue
        fitting = BY_METHOD.get((service, method, name)) or ARGUMENTS.get(name, _unknown)
        spoiling = SPOILT_BY_METHOD.get((service, method, name)) or SPOILT.get(name, fitting)
        values = spoiling if name == spoilt else fitting
        value = draw(values(scene))
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY or optional:
            kwargs[name] = value
        else:
            args.append(value)
    return ServiceCall(service, method, tuple(args), kwargs)


_EVERY_FOURTH: Final = st.sampled_from((False, False, False, True))


@st.composite
def _a_scene(draw: DrawFn, world: World, method: tuple[str, str], *, about_project: bool) -> Scene:
    """Mostly, the one who acts may act: a project's owner, an administrator, whoever signed in last for their own
    account; sometimes it is anybody."""
    projects = [*(each.id for each in world.projects), *world.inhabited() * 2]
    project_id = draw(st.sampled_from(projects)) if projects else NO_ID
    personal = (method[0] in PERSONAL and method != ("notifications", "tell")) or method == ("auth", "logout")
    favourites = world.signed_in() if personal else world.owners(project_id if about_project else None)
    actor = draw(st.sampled_from([*world.actors, *favourites * 3]))
    return Scene(world=world, method=method, project_id=project_id, actor=actor)


def _unknown(scene: Scene) -> Any:
    raise AssertionError("a service method has a parameter that ARGUMENTS does not name")
