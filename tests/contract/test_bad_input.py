"""Bad input: whatever is wrong with one argument of a service call, the error is typed and names it, is the same on
every backend, and nothing is written."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.contract.bad_input_house import House, call, furnished, good_arguments
from tests.contract.bad_input_values import Bad, bad_arguments
from vibecore.bootstrap.services import Services
from vibecore.domain.errors import InvalidValue
from vibecore.testing.backends import Backends, names
from vibecore.testing.effects import FixedClock
from vibecore.testing.parity.outcomes import Outcome, difference, outcome
from vibecore.testing.parity.services import public_methods

METHODS: Final = public_methods(Services(cast(Any, SimpleNamespace(effects=None))))
EACH_METHOD: Final = pytest.mark.parametrize(
    ("service", "method", "signature"), METHODS, ids=[f"{service}.{method}" for service, method, _ in METHODS]
)


class Undone(Exception):
    """Rolls a transaction back."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What imports read."""
    found = tmp_path_factory.mktemp("tree")
    (found / "a.py").write_text("import os\n")
    return found


@pytest.fixture(scope="module", params=names())
def houses(request: pytest.FixtureRequest, vibe_backends: Backends, folder: Path) -> Iterator[tuple[House, House]]:
    """The same house twice: in memory, and on the backend."""
    clock = FixedClock()
    with vibe_backends["memory"].open(clock) as reference, vibe_backends[request.param].open(clock) as tested:
        yield furnished(reference, folder), furnished(tested, folder)


def parameters(signature: inspect.Signature) -> list[inspect.Parameter]:
    return list(signature.parameters.values())[1:]


@EACH_METHOD
def test_the_good_arguments_are_good(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """Otherwise the calls below would be refused for another reason than the one argument that is wrong."""
    found = []
    for house in houses:
        arguments = good_arguments(house, service, method, [each.name for each in parameters(signature)])
        found.append(_tried(house, service, method, arguments))
    assert difference(*found) is None


def _tried(house: House, service: str, method: str, arguments: dict[str, Any]) -> Any:
    """What the call gives; it is rolled back."""
    result: Any = None
    try:
        with house.vibe.transaction() as services:
            result = call(services, service, method, arguments)
            raise Undone
    except Undone:
        return result


@EACH_METHOD
def test_a_bad_argument_is_refused_by_name_and_alike(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    before = [house.rows() for house in houses]
    complaints = [found for each in parameters(signature) for found in _swept(houses, service, method, each)]
    assert not complaints, "\n".join(complaints)
    for house, rows in zip(houses, before, strict=True):
        assert difference(rows, house.rows(), "rows") is None


def _swept(houses: tuple[House, House], service: str, method: str, parameter: inspect.Parameter) -> Iterator[str]:
    """What is wrong about the outcomes of the bad values of one parameter, in words."""
    name = parameter.name
    bads = [bad_arguments(house, service, method, name, str(parameter.annotation)) for house in houses]
    for bad, same in zip(*bads, strict=True):
        first, second = _called(houses[0], service, method, name, bad), _called(houses[1], service, method, name, same)
        what = f"{name}={_shown(bad.argument)} ({type(bad.argument).__name__})"
        found = difference(first, second) or _wrong(bad, second)
        if found is not None:
            yield f"{what}: {found}"


def _shown(value: object) -> str:
    try:
        return ascii(value)[:120]
    except RecursionError:
        return "<deep>"


def _called(house: House, service: str, method: str, name: str, bad: Bad) -> Outcome:
    given = inspect.signature(getattr(getattr(house.vibe, service), method)).parameters
    arguments = {**good_arguments(house, service, method, list(given)), name: bad.argument}
    try:
        return outcome(lambda: call(house.vibe, service, method, arguments))
    except Exception as error:  # noqa: BLE001  # told as the complaint that it is, beside the others
        return Outcome(("untyped", repr(error)[:200]))


def _wrong(bad: Bad, found: Outcome) -> str | None:
    if found.error is None:
        return None if bad.nothing and not found.value else f"gave {ascii(found.value)[:200]}"
    if not issubclass(found.error, bad.error):
        return f"raised {found}, not {bad.error.__name__}"
    if issubclass(found.error, InvalidValue):
        named: str = (found.facts or {})["field"]
        if not any(named == field or named.startswith((f"{field}.", f"{field}[", f"{field} ")) for field in bad.fields):
            return f"named {named!r}, not one of {bad.fields}"
    return None
