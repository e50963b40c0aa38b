"""The contract suite itself: complete, and fit to be run as a whole."""

from __future__ import annotations

import importlib
import pkgutil
from collections import Counter
from types import ModuleType
from typing import Any

from tests.contract import test_contract
from vibecore.testing import contract


def modules() -> list[ModuleType]:
    found = pkgutil.iter_modules(contract.__path__)
    return [importlib.import_module(f"{contract.__name__}.{module.name}") for module in found]


def cases_of(module: ModuleType) -> dict[str, object]:
    """The tests that a module defines itself."""
    own = {name: value for name, value in vars(module).items() if name.startswith("test_")}
    return {name: value for name, value in own.items() if getattr(value, "__module__", "") == module.__name__}


def test_names_are_unique() -> None:
    """One module can take in all others: no test hides another."""
    counted = Counter(name for module in modules() for name in cases_of(module))
    assert [name for name, number in counted.items() if number > 1] == []


def test_all_of_it_is_run_here() -> None:
    """No module is forgotten."""
    for module in modules():
        for name, test in cases_of(module).items():
            assert getattr(test_contract, name, None) is test, f"{module.__name__}.{name}"


def test_each_test_says_what_must_hold() -> None:
    """In one sentence or two, so that a third party can read what its backend broke."""
    for module in modules():
        assert [name for name, test in cases_of(module).items() if not test.__doc__] == []


def test_the_tests_need_only_a_store_and_a_clock() -> None:
    """Nothing else has to be provided to run them."""
    for module in modules():
        for name, test in cases_of(module).items():
            given = {argument for mark in getattr(test, "pytestmark", ()) for argument in _names(mark.args[0])}
            given_by_hypothesis = getattr(test, "hypothesis", None)
            function: Any = given_by_hypothesis.inner_test if given_by_hypothesis else test
            wanted = set(function.__code__.co_varnames[: function.__code__.co_argcount])
            assert wanted - given <= {"store", "clock", "data"}, name


def _names(argument: object) -> list[str]:
    return [name.strip() for name in argument.split(",")] if isinstance(argument, str) else list(argument)  # type: ignore[call-overload]
