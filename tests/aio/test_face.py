"""The async face has every public method of every service, with the same parameters, and nothing more."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

import vibecore
from vibecore.aio.service import AsyncService, awaited, streamed
from vibecore.aio.services import AsyncServices
from vibecore.bootstrap.services import Services
from vibecore.services.projects import ProjectService
from vibecore.services.work import Service


def services() -> dict[str, Service]:
    with vibecore.connect("memory://") as vibe:
        return {name: value for name, value in vars(vibe).items() if isinstance(value, Service)}


def twins() -> dict[str, AsyncService[Any]]:
    """The async services over services that nobody calls."""
    with vibecore.connect("memory://") as vibe:
        return dict(vars(AsyncServices(vibe, None)))  # type: ignore[arg-type]


def public(kind: type[Any]) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


STREAMS = {("deployments", "stream_logs"): "AsyncLogStream"}
"""Methods whose result waits while it is read, and what their twins return."""
METHODS = [(noun, method) for noun, service in services().items() for method in sorted(public(type(service)))]


def test_every_service_has_a_twin_of_the_same_name_and_no_other() -> None:
    """One attribute for each noun; the names of the classes tell what they are twins of."""
    assert twins().keys() == services().keys()
    for noun, service in services().items():
        assert type(twins()[noun]).__name__ == f"Async{type(service).__name__}"
    assert set(inspect.get_annotations(Services.__init__)) == {"work", "return"}


@pytest.mark.parametrize("noun", sorted(services()))
def test_a_twin_has_the_methods_of_its_service_and_nothing_more(noun: str) -> None:
    """Whoever adds a method to a service adds its line to the async face."""
    assert public(type(twins()[noun])) == public(type(services()[noun]))


@pytest.mark.parametrize(("noun", "method"), METHODS)
def test_a_method_has_the_same_face_and_is_a_coroutine_function(noun: str, method: str) -> None:
    """Parameters, kinds, defaults, annotations and documentation are the service's; frameworks see that it is async."""
    plain, twin = getattr(services()[noun], method), getattr(twins()[noun], method)
    expected = inspect.signature(plain)
    if (noun, method) in STREAMS:
        expected = expected.replace(return_annotation=STREAMS[noun, method])
    assert inspect.signature(twin) == expected
    assert inspect.iscoroutinefunction(twin)
    assert twin.__doc__ == plain.__doc__
    assert twin.__name__ == method
    assert twin.__wrapped__ == plain.__func__
    assert twin.__qualname__ == f"{type(twins()[noun]).__name__}.{method}"
    assert twin.__module__ == "vibecore.aio.services"


@pytest.mark.parametrize(("noun", "method"), METHODS)
def test_on_the_class_a_method_is_a_function_of_the_service(noun: str, method: str) -> None:
    """Documentation tools and `help` see an ordinary async method."""
    kind = type(twins()[noun])
    function = getattr(kind, method)
    assert inspect.isfunction(function)
    assert next(iter(inspect.signature(function).parameters)) == "self"
    assert isinstance(vars(kind)[method], streamed if (noun, method) in STREAMS else awaited)


@pytest.mark.parametrize(("noun", "method"), METHODS)
def test_no_service_method_yields(noun: str, method: str) -> None:
    """A generator would run after its call has ended, outside of the greenlet that lets it wait."""
    plain = getattr(type(services()[noun]), method)
    assert not inspect.isgeneratorfunction(plain)
    assert not re.match("(Async)?(Iterator|Iterable|Generator)", inspect.signature(plain).return_annotation)


def test_the_descriptor_tells_what_it_wraps() -> None:
    """`__wrapped__`, `__doc__` and `__signature__` are the method's."""
    line = awaited(ProjectService.get)
    assert line.__wrapped__ is ProjectService.get
    assert line.__doc__ == ProjectService.get.__doc__
    assert line.__signature__ == inspect.signature(ProjectService.get)
