"""What expressions give away."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._calls import check_call, is_call_of, shown
from vibecore.services.reviewers.python._context import Context, Handler
from vibecore.services.reviewers.python._names import check_keyword

_DISPLAYS: Final = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def _compare(context: Context, node: ast.Compare) -> None:
    left: ast.expr = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if isinstance(operator, (ast.Eq, ast.NotEq)):
            _equality(context, node, left, right)
        elif isinstance(operator, (ast.Is, ast.IsNot)):
            if _is_literal(left) or _is_literal(right):
                context.report(rules.IS_LITERAL, node, "whether a literal is the same object is up to the interpreter")
        elif isinstance(operator, (ast.In, ast.NotIn)) and _is_keys(right):
            context.report(rules.KEYS, right, "keys() adds a step to a look-up in the dictionary")
        left = right


def _equality(context: Context, node: ast.Compare, left: ast.expr, right: ast.expr) -> None:
    for side in (left, right):
        if isinstance(side, ast.Constant):
            if side.value is None:
                context.report(rules.COMPARE_NONE, node, "an object's own __eq__ may answer for None")
                return
            if side.value is True or side.value is False:
                context.report(rules.COMPARE_BOOL, node, f"comparison with {side.value}")
                return
        elif is_call_of(side, "type") and len(side.args) == 1:  # type: ignore[attr-defined]  # it is a Call
            context.report(rules.TYPE_COMPARISON, node, "types are compared by equality")
            return


def _is_literal(node: ast.expr) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes, int, float, complex)) and not isinstance(node.value, bool)
    return isinstance(node, (*_DISPLAYS, ast.Tuple))


def _is_keys(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "keys"
        and not node.args
        and not node.keywords
    )


def check_iterated(context: Context, node: ast.expr) -> None:
    """What a `for` iterates over."""
    if _is_keys(node):
        context.report(rules.KEYS, node, "keys() adds a step to iterating over the dictionary")
    elif is_call_of(node, "open"):
        context.report(rules.UNCLOSED, node, "nothing closes this file")


def _bool_op(context: Context, node: ast.BoolOp) -> None:
    context.scope.complexity += len(node.values) - 1
    first = node.values[0]
    if (
        isinstance(node.op, ast.Or)
        and isinstance(first, ast.Compare)
        and isinstance(first.ops[-1], ast.Eq)
        and isinstance(first.comparators[-1], ast.Constant)
    ):
        kind = type(first.comparators[-1].value)
        for value in node.values[1:]:
            if isinstance(value, ast.Constant) and type(value.value) is kind and value.value:
                context.report(rules.ALWAYS_TRUE, node, f"`or {shown(value.value)}` is always true")
                return


def _if_exp(context: Context, node: ast.IfExp) -> None:
    context.scope.complexity += 1


def _comprehension(context: Context, node: ast.comprehension) -> None:
    context.scope.complexity += 1 + len(node.ifs)
    check_iterated(context, node.iter)


def _dict(context: Context, node: ast.Dict) -> None:
    seen: set[tuple[type, object]] = set()
    for key in node.keys:
        if isinstance(key, ast.Constant):
            entry = (type(key.value), key.value)
            if entry in seen:
                context.report(rules.DUPLICATE_KEY, key, f"the key {shown(key.value)} stands in the dictionary twice")
            seen.add(entry)


def _joined(context: Context, node: ast.JoinedStr) -> None:
    if not any(isinstance(part, ast.FormattedValue) for part in node.values):
        context.report(rules.EMPTY_FSTRING, node, "the f-string has no placeholder")


def _formatted(context: Context, node: ast.FormattedValue) -> None:
    if isinstance(node.format_spec, ast.JoinedStr):
        context.expressions(node.format_spec.values)


def _unary(context: Context, node: ast.UnaryOp) -> None:
    operand = node.operand
    if isinstance(node.op, ast.Not) and isinstance(operand, ast.Compare) and len(operand.ops) == 1:
        operator = operand.ops[0]
        if isinstance(operator, (ast.In, ast.Is)):
            word = "in" if isinstance(operator, ast.In) else "is"
            context.report(rules.NOT_IN, node, f"`not ... {word}` reads as if `not` belonged to the left side")


def _subscript(context: Context, node: ast.Subscript) -> None:
    if not is_call_of(node.value, "sorted"):
        return
    place = node.slice
    last = isinstance(place, ast.UnaryOp) and isinstance(place.op, ast.USub)
    at = place.operand if isinstance(place, ast.UnaryOp) else place
    if isinstance(at, ast.Constant) and type(at.value) is int and at.value == (1 if last else 0):
        context.report(rules.SORTED_FOR_END, node, "everything is sorted to find one end")


CHECKS: Final[Mapping[type[ast.AST], Handler]] = {
    ast.BoolOp: _bool_op,
    ast.Call: check_call,
    ast.Compare: _compare,
    ast.Dict: _dict,
    ast.FormattedValue: _formatted,
    ast.IfExp: _if_exp,
    ast.JoinedStr: _joined,
    ast.Subscript: _subscript,
    ast.UnaryOp: _unary,
    ast.comprehension: _comprehension,
    ast.keyword: check_keyword,
}


def is_mutable(node: ast.AST | None) -> bool:
    """Whether it makes a list, dictionary or set."""
    return isinstance(node, _DISPLAYS) or is_call_of(node, "list", "dict", "set", "bytearray")
