"""Functions and classes."""

from __future__ import annotations

import ast
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._calls import is_text
from vibecore.services.reviewers.python._context import Context, Scope
from vibecore.services.reviewers.python._expressions import is_mutable
from vibecore.services.reviewers.python._names import bind, check_secret, check_unused

MOST_COMPLEX: Final = 15
MOST_POSITIONAL: Final = 7
MOST_ARGUMENTS: Final = 12
MOST_LINES: Final = 100
DEEPEST: Final = 5
SHORTEST_DOCUMENTED: Final = 5
"""Lines of a method from which on it should have a docstring."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def visit_function(context: Context, node: Function) -> None:
    """A function: its signature in the scope around, its body in its own."""
    arguments = node.args
    outer = context.scope
    parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    context.expressions((*node.decorator_list, arguments, node.returns))
    _check_defaults(context, arguments)
    for parameter in parameters:
        bind(context, parameter.arg, parameter, alone=False)
    documented = _check_docstring(context, node)
    scope = Scope(node, outer, parameters=frozenset(parameter.arg for parameter in parameters))
    context.within(scope, node.body[1:] if documented else node.body)
    context.functions.append(scope)
    first = (arguments.posonlyargs + arguments.args)[: int(outer.is_class and not _is_static(node))]
    if node.returns is not None and all(p.annotation is not None for p in parameters if p not in first):
        context.annotated += 1
    _check_size(context, scope, node, len(first))
    check_unused(context, scope)


def _is_static(node: Function) -> bool:
    return any(isinstance(item, ast.Name) and item.id == "staticmethod" for item in node.decorator_list)


def _check_defaults(context: Context, arguments: ast.arguments) -> None:
    for default in (*arguments.defaults, *arguments.kw_defaults):
        if is_mutable(default):
            context.report(rules.MUTABLE_DEFAULT, default, "every call shares this default")
    positional = arguments.posonlyargs + arguments.args
    named = positional[len(positional) - len(arguments.defaults) :]
    for parameter, value in (
        *zip(named, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ):
        check_secret(context, parameter.arg, value)


def _check_size(context: Context, scope: Scope, node: Function, implied: int) -> None:
    if scope.complexity > MOST_COMPLEX:
        _of(context, rules.COMPLEX, node, f"has {scope.complexity} paths through it, more than {MOST_COMPLEX}")
    positional = len(node.args.posonlyargs) + len(node.args.args) - implied
    count = positional + len(node.args.kwonlyargs)
    if positional > MOST_POSITIONAL or count > MOST_ARGUMENTS:
        _of(context, rules.MANY_ARGUMENTS, node, f"takes {count} arguments")
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > MOST_LINES:
        _of(context, rules.LONG_FUNCTION, node, f"has {lines} lines, more than {MOST_LINES}")
    if scope.deepest > DEEPEST:
        _of(context, rules.DEEP_NESTING, node, f"nests {scope.deepest} levels, more than {DEEPEST}")


def _of(context: Context, rule: rules.Rule, node: Function, what: str) -> None:
    context.report(rule, node, f"{node.name} {what}", first_line=True)


def visit_class(context: Context, node: ast.ClassDef) -> None:
    """A class: its bases in the scope around, its body in its own."""
    context.expressions((*node.decorator_list, *node.bases, *node.keywords))
    documented = _check_docstring(context, node)
    context.within(Scope(node, context.scope), node.body[1:] if documented else node.body)


def _check_docstring(context: Context, node: Function | ast.ClassDef) -> bool:
    """Whether the body begins with a docstring; one that is missing is noted where others would look for it."""
    first = node.body[0]
    documented = isinstance(first, ast.Expr) and is_text(first.value)
    if _is_public(context, node):
        if documented:
            context.documented += 1
        else:
            context.undocumented += 1
            kind = "class" if isinstance(node, ast.ClassDef) else "function"
            context.report(
                rules.MISSING_DOCSTRING, node, f"the public {kind} {node.name} has no docstring", first_line=True
            )
    return documented


def _is_public(context: Context, node: Function | ast.ClassDef) -> bool:
    """Whether others are meant to read about it: not private, not within a function, no short method."""
    scope = context.scope
    if node.name.startswith("_") or (context.name.startswith("_") and context.name != "__init__.py"):
        return False
    if isinstance(scope.node, ast.Module):
        return True
    if not isinstance(scope.node, ast.ClassDef) or scope.node.name.startswith("_"):
        return False
    if scope.parent is None or not isinstance(scope.parent.node, ast.Module) or node.decorator_list:
        return False
    return (node.end_lineno or node.lineno) - node.lineno >= SHORTEST_DOCUMENTED
