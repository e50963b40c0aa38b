"""Deep-frozen JSON: what a JSONB column holds, with one rule for both backends.

Objects keep their keys in JSONB's own order (shorter UTF-8 first, then bytewise), numbers keep their kind
(`1.0` stays a float), `-0.0` becomes `0.0`, and `None` never stands at the root.
"""

from __future__ import annotations

import json as _json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, NoReturn, SupportsIndex

from vibecore.domain.errors import InvalidValue

MAX_DEPTH: Final = 64
"""Levels of nesting. PostgreSQL stops at its stack limit (some thousands), Python's recursion at 1,000."""
MAX_NODES: Final = 1_000_000
"""Values in one document. A JSONB container holds at most 2**28 - 1 elements; this refuses sooner."""
MAX_BYTES: Final = 16 * 1024 * 1024
"""UTF-8 bytes of one document. JSONB strings stop at 256 MiB each; this refuses sooner."""
MIN_INT: Final = -(2**63)
MAX_INT: Final = 2**63 - 1
"""Integers beyond 64 bits are refused: other JSON readers would round them silently."""

type_name: Final = {dict: "object", list: "array", str: "string", int: "integer", float: "number", bool: "boolean"}


def _refuse(value: object) -> NoReturn:
    raise TypeError(f"{type(value).__name__} cannot be changed; build a new value")


class JsonObject(dict[str, Any]):
    """An immutable JSON object: equal to a dict with the same content (`True` is not `1`), hashable, picklable."""

    __slots__ = ()

    def __setitem__(self, key: str, value: Any, /) -> NoReturn:
        _refuse(self)

    def __delitem__(self, key: str, /) -> NoReturn:
        _refuse(self)

    def __ior__(self, value: Any, /) -> NoReturn:  # type: ignore[misc]  # refuses what dict accepts
        _refuse(self)

    def clear(self) -> NoReturn:
        _refuse(self)

    def pop(self, *args: Any) -> NoReturn:
        _refuse(self)

    def popitem(self) -> NoReturn:
        _refuse(self)

    def setdefault(self, key: str, default: Any = None, /) -> NoReturn:
        _refuse(self)

    def update(self, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse(self)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if isinstance(other, dict) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __reduce__(self) -> tuple[Any, ...]:
        return (JsonObject, (dict(self),))

    def __copy__(self) -> JsonObject:
        return self

    def __deepcopy__(self, memo: object) -> JsonObject:
        return self


class JsonArray(list[Any]):
    """An immutable JSON array: equal to a list with the same content (`True` is not `1`), hashable, picklable."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any, /) -> NoReturn:
        _refuse(self)

    def __delitem__(self, index: SupportsIndex | slice, /) -> NoReturn:
        _refuse(self)

    def __iadd__(self, value: Any, /) -> NoReturn:  # type: ignore[misc]  # refuses what list accepts
        _refuse(self)

    def __imul__(self, value: SupportsIndex, /) -> NoReturn:
        _refuse(self)

    def append(self, value: Any, /) -> NoReturn:
        _refuse(self)

    def clear(self) -> NoReturn:
        _refuse(self)

    def extend(self, values: Any, /) -> NoReturn:
        _refuse(self)

    def insert(self, index: SupportsIndex, value: Any, /) -> NoReturn:
        _refuse(self)

    def pop(self, index: SupportsIndex = -1, /) -> NoReturn:
        _refuse(self)

    def remove(self, value: Any, /) -> NoReturn:
        _refuse(self)

    def reverse(self) -> NoReturn:
        _refuse(self)

    def sort(self, *, key: Any = None, reverse: bool = False) -> NoReturn:
        _refuse(self)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __eq__(self, other: object) -> bool:
        return equal(self, other) if isinstance(other, list) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __reduce__(self) -> tuple[Any, ...]:
        return (JsonArray, (list(self),))

    def __copy__(self) -> JsonArray:
        return self

    def __deepcopy__(self, memo: object) -> JsonArray:
        return self


Json = JsonObject | JsonArray | str | int | float | bool | None
"""Any frozen JSON value."""
EMPTY_OBJECT: Final = JsonObject()
EMPTY_ARRAY: Final = JsonArray()


def equal(a: object, b: object) -> bool:
    """JSON equality: `1 == 1.0`, but a boolean equals only a boolean; the order of keys does not count."""
    if isinstance(a, dict):
        return isinstance(b, dict) and len(a) == len(b) and all(k in b and equal(v, b[k]) for k, v in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b


def freeze(field: str, value: object) -> Json:
    """The frozen form of `value`, sharing nothing with it; `InvalidValue` names the offending place.

    Accepts mappings with string keys, lists and tuples, strings, integers of 64 bits, finite floats, booleans, None.
    """
    frozen: Json = _freeze(field, value, 0, [MAX_NODES, MAX_BYTES])
    return frozen


def _freeze(field: str, value: Any, depth: int, budget: list[int]) -> Any:
    budget[0] -= 1
    if budget[0] < 0:
        raise InvalidValue(_root(field), f"holds more than {MAX_NODES} values")
    kind = type(value)
    if kind is str:
        return _text(field, value, budget)
    if value is None or kind is bool:
        return value
    if kind is int:
        if not MIN_INT <= value <= MAX_INT:
            raise InvalidValue(field, "is an integer beyond 64 bits")
        return value
    if kind is float:
        if not math.isfinite(value):
            raise InvalidValue(field, "is not a finite number")
        return value + 0.0 if value else 0.0
    if isinstance(value, Mapping):
        _check_depth(field, depth)
        return _object(field, value, depth, budget)
    if isinstance(value, (list, tuple)):
        _check_depth(field, depth)
        return JsonArray([_freeze(f"{field}[{i}]", item, depth + 1, budget) for i, item in enumerate(value)])
    raise InvalidValue(field, f"{kind.__name__} is not a JSON value")


def _object(field: str, value: Mapping[Any, Any], depth: int, budget: list[int]) -> JsonObject:
    items: list[tuple[int, bytes, str, Any]] = []
    for key, item in value.items():
        if type(key) is not str:
            raise InvalidValue(field, "has a key that is not a string")
        raw = _text(f"{field} key", key, budget).encode()
        items.append((len(raw), raw, key, item))
    items.sort(key=lambda entry: entry[:2])
    return JsonObject({key: _freeze(f"{field}.{key}", item, depth + 1, budget) for _, _, key, item in items})


def _check_depth(field: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise InvalidValue(_root(field), f"is nested more than {MAX_DEPTH} levels deep")


def _root(field: str) -> str:
    return field.split(".", 1)[0].split("[", 1)[0]


def _text(field: str, value: str, budget: list[int]) -> str:
    if value.isascii():
        size = len(value)
    else:
        try:
            size = len(value.encode())
        except UnicodeEncodeError:
            raise InvalidValue(_printable(field), "holds a lone surrogate") from None
    if "\0" in value:
        raise InvalidValue(_printable(field), "holds a NUL character")
    budget[1] -= size
    if budget[1] < 0:
        raise InvalidValue(_root(field), f"is larger than {MAX_BYTES} bytes")
    return value


def _printable(field: str) -> str:
    return field.encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")


def dumps(value: object) -> str:
    """JSON text whose numbers PostgreSQL's `numeric` gives back in the same kind.

    A float is written without an exponent and with a fraction: JSONB keeps the digits and the scale of a number but
    no exponent, so `1e16` would come back as the integer 10000000000000000.
    """
    if _has_exponent(value):
        return "".join(_pieces(value))
    return _json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _has_exponent(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_exponent(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_exponent(item) for item in value)
    return type(value) is float and "e" in repr(value)


def _pieces(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        yield "{"
        for i, (key, item) in enumerate(value.items()):
            yield f"{',' if i else ''}{_json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for i, item in enumerate(value):
            if i:
                yield ","
            yield from _pieces(item)
        yield "]"
    elif type(value) is float:
        yield fixed_point(value)
    else:
        yield _json.dumps(value, ensure_ascii=False)


def fixed_point(value: float) -> str:
    """`repr(value)`'s digits without an exponent and with at least one digit after the point."""
    text = repr(value)
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    point = len(whole) + int(exponent)
    digits = whole + fraction
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    digits = digits.ljust(point, "0")
    return f"{sign}{digits[:point]}.{digits[point:] or '0'}"


def loads(text: str | bytes) -> Json:
    """Frozen JSON from a trusted store's text: built bottom-up without checking what was checked when written."""
    value: Json = _thaw_in(_DECODER.decode(text if isinstance(text, str) else text.decode()))
    return value


def _thaw_in(value: Any) -> Any:
    kind = type(value)
    if kind is list:
        return JsonArray([_thaw_in(item) if type(item) is list else item for item in value])
    return value


_DECODER: Final = _json.JSONDecoder(
    object_pairs_hook=lambda pairs: JsonObject({key: _thaw_in(value) for key, value in pairs})
)


def contains(document: object, part: object, *, root: bool = True) -> bool:
    """JSONB's `document @> part`: objects by key, arrays as sets, and, at the root only, a scalar in an array."""
    if isinstance(document, dict):
        return isinstance(part, dict) and all(
            key in document and contains(document[key], item, root=False) for key, item in part.items()
        )
    if isinstance(document, list):
        if isinstance(part, list):
            return all(_in_array(document, item) for item in part)
        return root and not isinstance(part, dict) and any(_same_scalar(item, part) for item in document)
    return not isinstance(part, (dict, list)) and _same_scalar(document, part)


def _in_array(array: list[Any], item: object) -> bool:
    if isinstance(item, (dict, list)):
        return any(isinstance(have, type_of(item)) and contains(have, item, root=False) for have in array)
    return any(_same_scalar(have, item) for have in array)


def type_of(value: object) -> type:
    """`dict` for objects, `list` for arrays."""
    return dict if isinstance(value, dict) else list


def _same_scalar(a: object, b: object) -> bool:
    return not isinstance(a, (dict, list)) and not isinstance(b, (dict, list)) and equal(a, b)
