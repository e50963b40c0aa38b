"""Try statements and their handlers."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._context import Context
from vibecore.services.reviewers.python._names import bind

_WIDE: Final = frozenset({"Exception", "BaseException"})
_OF_IMPORTS: Final = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})


def visit_try(context: Context, node: ast.Try | ast.TryStar) -> None:
    """The body, the handlers, and what comes after them."""
    scope = context.scope
    guards = any(handler.type is None or _names(handler.type) & _OF_IMPORTS for handler in node.handlers)
    context.guarded += guards
    context.nested(node.body)
    for handler in node.handlers:
        scope.complexity += 1
        context.expressions((handler.type,))
        _check_handler(context, handler, last=handler is node.handlers[-1])
        if handler.name is not None:
            bind(context, handler.name, handler, alone=True)
        context.nested(handler.body)
    context.guarded -= guards
    context.nested(node.orelse)
    jumps = scope.jumps
    scope.jumps = (ast.Return, ast.Break, ast.Continue)
    context.nested(node.finalbody)
    scope.jumps = jumps


def _names(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    return {part.id for part in parts if isinstance(part, ast.Name)}


def _check_handler(context: Context, handler: ast.ExceptHandler, *, last: bool) -> None:
    kind, body = handler.type, handler.body
    raises = any(isinstance(statement, ast.Raise) for statement in body)
    if isinstance(kind, ast.BoolOp):
        context.report(rules.EXCEPT_OR, kind, "`or` picks one of the exceptions, the other is not caught")
    if kind is None or (isinstance(kind, ast.Name) and kind.id in _WIDE):
        if _does_nothing(body):
            context.report(rules.SWALLOWED, handler, "every exception is dropped in silence", first_line=True)
            return
        # An exception that gets a name is looked at.
        everything = kind is None or (isinstance(kind, ast.Name) and kind.id == "BaseException")
        if everything and handler.name is None and not raises:
            context.report(
                rules.BARE_EXCEPT, handler, "SystemExit and KeyboardInterrupt are caught too", first_line=True
            )
    first = body[0]
    if last and len(body) == 1 and isinstance(first, ast.Raise) and first.exc is None:
        context.report(rules.USELESS_EXCEPT, handler, "the handler only raises what it caught", first_line=True)


def _does_nothing(body: Sequence[ast.stmt]) -> bool:
    return all(
        isinstance(statement, (ast.Pass, ast.Continue))
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in body
    )
