"""Stacks: the shape of a project's `tech_stack`."""

from __future__ import annotations

from typing import Any, Final

from vibecore.domain.errors import InvalidValue
from vibecore.domain.json import JsonObject
from vibecore.domain.rules import Json, Text

MAX_CATEGORIES: Final = 50
MAX_NAMES: Final = 200

_NAME: Final = Text(100, shortest=1)


def check_tech_stack(value: Any) -> JsonObject:
    """An object from category to a list of names, such as `{"backend": ["Python", "PostgreSQL"]}`.

    At most 50 categories of at most 200 names, each of 1 to 100 characters and given once. InvalidValue names where.
    """
    stack = Json().check("tech_stack", value)
    assert isinstance(stack, JsonObject)
    if len(stack) > MAX_CATEGORIES:
        raise InvalidValue("tech_stack", f"has more than {MAX_CATEGORIES} categories")
    for category, names in stack.items():
        _NAME.check("tech_stack", category)
        place = f"tech_stack.{category}"
        if not isinstance(names, list):
            raise InvalidValue(place, "must be a list of names")
        if len(names) > MAX_NAMES:
            raise InvalidValue(place, f"has more than {MAX_NAMES} names")
        for position, name in enumerate(names):
            _NAME.check(f"{place}[{position}]", name)
        if len(set(names)) < len(names):
            raise InvalidValue(place, "names something twice")
    return stack
