"""Bad input: whatever is wrong with one argument of a service call, the error is typed and names it, is the same on
every backend, and nothing is written."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast
from uuid import UUID

import pytest

from tests.contract.bad_input_house import House, call, furnished, good_arguments
from tests.contract.bad_input_values import Bad, Plain, Sneaky, bad_arguments
from vibecore.bootstrap.services import Services
from vibecore.domain.errors import InvalidCursor, InvalidValue, TransactionError
from vibecore.testing.backends import Backends, names
from vibecore.testing.effects import FixedClock
from vibecore.testing.parity.outcomes import Outcome, difference, outcome
from vibecore.testing.parity.services import public_methods

METHODS: Final = public_methods(Services(cast(Any, SimpleNamespace(effects=None))))
ALONE: Final = {
    ("maintenance", "deliver_notifications"),
    ("maintenance", "prepare_audit"),
    ("maintenance", "index_contents"),
    ("maintenance", "purge_sign_in"),
    ("second_factors", "rotate_keys"),
    ("users", "unlock"),
}
"""What needs a transaction of its own."""


def each(methods: list[tuple[str, str, inspect.Signature]]) -> pytest.MarkDecorator:
    names = [f"{service}.{method}" for service, method, _ in methods]
    return pytest.mark.parametrize(("service", "method", "signature"), methods, ids=names)


EACH_METHOD: Final = each(METHODS)
EACH_IN_A_TRANSACTION: Final = each([found for found in METHODS if found[:2] not in ALONE])
EACH_ALONE: Final = each([found for found in METHODS if found[:2] in ALONE])


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


@EACH_IN_A_TRANSACTION
def test_the_good_arguments_are_good(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """Otherwise the calls below would be refused for another reason than the one argument that is wrong."""
    found = []
    for house in houses:
        arguments = good_arguments(house, service, method, [each.name for each in parameters(signature)])
        found.append(_tried(house, lambda services, given=arguments: call(services, service, method, given)))  # type: ignore[misc]
    assert difference(*found) is None


def _tried(house: House, run: Callable[[Services], Any]) -> Any:
    """What `run` gives in a transaction, which is rolled back."""
    result: Any = None
    try:
        with house.vibe.transaction() as services:
            result = run(services)
            raise Undone
    except Undone:
        return result


@EACH_METHOD
def test_a_bad_argument_is_refused_by_name_and_alike(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    complaints = [found for each in parameters(signature) for found in _swept(houses, service, method, each)]
    assert not complaints, "\n".join(complaints)
    assert [house.changed() for house in houses] == [None, None]


@EACH_IN_A_TRANSACTION
def test_a_refused_call_is_undone_alone_in_a_transaction(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """The transaction around it goes on, and what it wrote before and after is there."""
    wanted = [each.name for each in parameters(signature)]
    for house in houses:
        arguments = good_arguments(house, service, method, wanted)

        def run(services: Services, house: House = house, arguments: dict[str, Any] = arguments) -> Any:
            made = services.projects.create(house.mine.actor, name="before")
            for each in parameters(signature):
                bads = bad_arguments(house, service, method, each.name, str(each.annotation))
                for bad in (bads[0], bads[-1]):
                    wrong = {**arguments, each.name: bad.argument}
                    found = outcome(lambda wrong=wrong: call(services, service, method, wrong))  # type: ignore[misc]
                    assert _wrong(bad, found) is None
            call(services, service, method, arguments)
            return services.projects.get(house.mine.actor, made.id)

        assert _tried(house, run).name == "before"


@EACH_ALONE
def test_what_needs_a_transaction_of_its_own_is_refused_in_another(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """With good arguments, which nothing else is wrong with; the transaction goes on, and nothing came of the call."""
    for house in houses:
        arguments = good_arguments(house, service, method, [each.name for each in parameters(signature)])

        def run(services: Services, house: House = house, arguments: dict[str, Any] = arguments) -> Any:
            with pytest.raises(TransactionError):
                call(services, service, method, arguments)
            return services.projects.get(house.mine.actor, house.mine.project)

        assert _tried(house, run).id == house.mine.project
    assert [house.changed() for house in houses] == [None, None]


@pytest.mark.parametrize(
    ("service", "method", "signature"),
    [each for each in METHODS if "cursor" in each[2].parameters and each[:2] != ("users", "page")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cursor_of_another_project_or_person_is_refused(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """The listing is the same but for whose it is."""
    for house in houses:
        arguments = good_arguments(house, service, method, [each.name for each in parameters(signature)])
        others = {"actor": house.theirs.actor, "project_id": house.theirs.project, "limit": 1}
        foreign = call(house.vibe, service, method, arguments | {key: others[key] for key in arguments.keys() & others})
        assert foreign.next_cursor is not None
        with pytest.raises(InvalidCursor):
            call(house.vibe, service, method, {**arguments, "cursor": foreign.next_cursor})


@EACH_IN_A_TRANSACTION
def test_subclasses_of_text_and_ids_count_as_what_they_are(
    houses: tuple[House, House], service: str, method: str, signature: inspect.Signature
) -> None:
    """They are taken, and only the plain value gets in."""
    found = []
    for house in houses:
        arguments = good_arguments(house, service, method, [each.name for each in parameters(signature)])
        dressed = {name: _dressed(value) for name, value in arguments.items() if name not in ("order_by", "cursor")}
        found.append(_tried(house, lambda services, dressed=dressed: call(services, service, method, dressed)))  # type: ignore[misc]
    assert difference(*found) is None
    assert not {Plain, Sneaky} & set(_types(found[1]))


def _dressed(value: Any) -> Any:
    if type(value) is str:
        return Plain(value)
    return Sneaky(int=value.int) if type(value) is UUID else value


def _types(value: Any) -> Iterator[type]:
    """The types of a value and of all that it holds."""
    yield type(value)
    if dataclasses.is_dataclass(value):
        for each in dataclasses.fields(value):
            yield from _types(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (*_types(key), *_types(item))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _types(item)


@pytest.mark.parametrize("run", [None, 1, "run", object(), [], ()])
def test_atomic_takes_a_function(houses: tuple[House, House], run: Any) -> None:
    for house in houses:
        with pytest.raises(InvalidValue) as caught:
            house.vibe.atomic(run)
        assert caught.value.field == "run"


@pytest.mark.parametrize("connection", [None, 1, "postgresql://", object(), [], Services])
def test_joined_takes_a_connection(houses: tuple[House, House], connection: Any) -> None:
    for house in houses:
        with pytest.raises(InvalidValue) as caught:
            house.vibe.joined(connection)
        assert caught.value.field == "connection"


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
