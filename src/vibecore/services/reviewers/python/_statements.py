"""What statements give away, and how the pass goes on below them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._calls import is_text
from vibecore.services.reviewers.python._context import Context, Handler, Imported
from vibecore.services.reviewers.python._exceptions import visit_try
from vibecore.services.reviewers.python._expressions import check_iterated
from vibecore.services.reviewers.python._functions import visit_class, visit_function
from vibecore.services.reviewers.python._names import bind, check_secret

_CHANGES: Final = frozenset({"remove", "insert", "pop", "clear", "discard", "popitem"})


def _expr(context: Context, node: ast.Expr) -> None:
    value = node.value
    if isinstance(value, ast.Constant):
        return
    if isinstance(value, ast.Compare):
        context.report(rules.USELESS_COMPARISON, value, "the result of the comparison is thrown away")
    context.expressions((value,))


def _assign(context: Context, node: ast.Assign) -> None:
    context.expressions((node.value, *node.targets))
    for target in node.targets:
        _target(context, target, node.value, alone=len(node.targets) == 1)
    target = node.targets[0]
    if not isinstance(target, ast.Name) or len(node.targets) > 1:
        return
    value = node.value
    if isinstance(value, ast.Lambda):
        context.report(rules.LAMBDA_ASSIGNED, node, f"the lambda gets the name {target.id} all the same")
    elif isinstance(value, ast.Name) and value.id == target.id and context.scope.is_function:
        context.report(rules.SELF_ASSIGNMENT, node, f"{target.id} is assigned to itself")
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        left = value.left
        if isinstance(left, ast.Name) and left.id == target.id:
            _concatenation(context, node, target.id)


def _target(context: Context, target: ast.expr, value: ast.expr | None, *, alone: bool) -> None:
    """A target of an assignment of `value`; a part of a tuple has none of its own."""
    if isinstance(target, ast.Name):
        bind(context, target.id, target, alone=alone and value is not None)
        if value is not None:
            check_secret(context, target.id, value)
            if is_text(value) or isinstance(value, ast.JoinedStr):
                context.scope.texts[target.id] = context.scope.loops
            else:
                _forget_text(context, target.id, value)
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            if isinstance(part, ast.Name):
                bind(context, part.id, part, alone=False)
                context.scope.texts.pop(part.id, None)
    elif isinstance(target, ast.Attribute):
        check_secret(context, target.attr, value)
    elif isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        key = target.slice.value
        check_secret(context, key if isinstance(key, str) else "", value)


def _forget_text(context: Context, name: str, value: ast.expr) -> None:
    """Another value makes it another kind of name, but for a string that grows."""
    if not (isinstance(value, ast.BinOp) and isinstance(value.left, ast.Name) and value.left.id == name):
        context.scope.texts.pop(name, None)


def _concatenation(context: Context, node: ast.stmt, name: str) -> None:
    scope = context.scope
    if name in scope.texts and scope.loops > scope.texts[name]:
        context.report(rules.CONCATENATION, node, f"each turn of the loop copies all of {name}")


def _ann_assign(context: Context, node: ast.AnnAssign) -> None:
    context.expressions((node.annotation, node.value, node.target))
    _target(context, node.target, node.value, alone=True)


def _aug_assign(context: Context, node: ast.AugAssign) -> None:
    context.expressions((node.value, node.target))
    if isinstance(node.target, ast.Name):
        context.scope.loaded.add(node.target.id)
        if isinstance(node.op, ast.Add):
            _concatenation(context, node, node.target.id)


def _return(context: Context, node: ast.Return) -> None:
    _jump(context, node)
    context.expressions((node.value,))
    scope = context.scope
    value = node.value
    if (
        value is not None
        and isinstance(scope.node, ast.FunctionDef)
        and scope.node.name == "__init__"
        and scope.parent is not None
        and scope.parent.is_class
        and not (isinstance(value, ast.Constant) and value.value is None)
        and not isinstance(value, ast.Call)
    ):
        context.report(rules.INIT_RETURN, node, "__init__ returns a value: making the object fails")


def _jump(context: Context, node: ast.stmt) -> None:
    if isinstance(node, context.scope.jumps):
        word = type(node).__name__.lower()
        context.report(rules.RETURN_IN_FINALLY, node, f"{word} in finally drops an exception that is on its way")


def _raise(context: Context, node: ast.Raise) -> None:
    context.expressions((node.exc, node.cause))
    raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    if isinstance(raised, ast.Name) and raised.id == "NotImplemented":
        context.report(rules.RAISE_NOT_IMPLEMENTED, node, "NotImplemented is a value, no exception")


def _assert(context: Context, node: ast.Assert) -> None:
    context.expressions((node.test, node.msg))
    if isinstance(node.test, ast.Tuple) and node.test.elts:
        context.report(rules.ASSERT_TUPLE, node, "a tuple is always true: nothing is asserted")
    elif _is_of_input(context, node.test):
        context.report(rules.ASSERT_INPUT, node, "the check of an argument is gone under python -O")


def _is_of_input(context: Context, test: ast.expr) -> bool:
    """Whether it checks an argument of a public function."""
    function = context.scope.node
    if not context.scope.is_function or isinstance(function, ast.Module) or function.name.startswith("_"):
        return False
    subject: ast.AST | None = None
    if isinstance(test, ast.Call) and isinstance(test.func, ast.Name) and test.func.id == "isinstance" and test.args:
        subject = test.args[0]
    elif isinstance(test, ast.Compare):
        subject = test.left
    return isinstance(subject, ast.Name) and subject.id in context.scope.parameters - {"self", "cls"}


def _delete(context: Context, node: ast.Delete) -> None:
    context.expressions(node.targets)


def _import(context: Context, node: ast.Import) -> None:
    for alias in node.names:
        bound = alias.asname or alias.name.partition(".")[0]
        target = alias.name if alias.asname else bound
        _imported(context, bound, alias.name, target, alias)


def _import_from(context: Context, node: ast.ImportFrom) -> None:
    if node.module == "__future__":
        return
    for alias in node.names:
        if alias.name == "*":
            if context.name != "__init__.py":
                context.report(rules.STAR_IMPORT, node, f"what {node.module or '.'} exports is not to be seen here")
            continue
        target = f"{'.' * node.level}{node.module or ''}.{alias.name}"
        _imported(context, alias.asname or alias.name, target, target, alias)


def _imported(context: Context, name: str, shown: str, target: str, alias: ast.alias) -> None:
    context.aliases[name] = target
    # An import under its own name is how a stub or a module says that it passes the name on.
    if not context.guarded and alias.asname != alias.name:
        context.imports.append(Imported(name, shown, alias))


def _global(context: Context, node: ast.Global) -> None:
    context.scope.declared.update(node.names)
    if context.scope.is_function:
        context.report(rules.GLOBAL, node, f"the function changes module state: {', '.join(node.names)}")


def _nonlocal(context: Context, node: ast.Nonlocal) -> None:
    context.scope.declared.update(node.names)
    context.scope.loaded.update(node.names)


def _if(context: Context, node: ast.If) -> None:
    # An elif is an If within an else: a chain of thousands is walked in place, not deeper and deeper.
    while True:
        context.scope.complexity += 1
        context.expressions((node.test,))
        context.nested(node.body)
        rest = node.orelse
        if len(rest) == 1 and isinstance(rest[0], ast.If) and rest[0].col_offset == node.col_offset:
            node = rest[0]
            continue
        context.nested(rest)
        return


def _for(context: Context, node: ast.For | ast.AsyncFor) -> None:
    context.scope.complexity += 1
    context.expressions((node.iter, node.target))
    check_iterated(context, node.iter)
    _target(context, node.target, None, alone=False)
    iterated = context.dotted(node.iter)
    if iterated is not None:
        for change in _changes(context, node.body, iterated):
            context.report(rules.CHANGED_WHILE_ITERATED, change, f"{iterated} changes while the loop goes over it")
    _loop(context, node.body)
    context.nested(node.orelse)


def _loop(context: Context, body: Sequence[ast.stmt]) -> None:
    scope = context.scope
    jumps = scope.jumps
    if jumps:
        scope.jumps = (ast.Return,)
    context.nested(body, loop=True)
    scope.jumps = jumps


def _changes(context: Context, body: Sequence[ast.stmt], iterated: str) -> Iterator[ast.stmt]:
    """Statements that change what is iterated over, and do not leave the loop right after."""
    blocks: list[Sequence[ast.stmt]] = [body]
    while blocks:
        block = blocks.pop()
        leaves = bool(block) and isinstance(block[-1], (ast.Break, ast.Return, ast.Raise))
        for statement in block:
            if isinstance(statement, ast.If):
                blocks += (statement.body, statement.orelse)
            elif isinstance(statement, (ast.With, ast.Try)):
                blocks.append(statement.body)
            elif not leaves and _is_change(context, statement, iterated):
                yield statement


def _is_change(context: Context, statement: ast.stmt, iterated: str) -> bool:
    if isinstance(statement, ast.Delete):
        return any(
            isinstance(target, ast.Subscript) and context.dotted(target.value) == iterated
            for target in statement.targets
        )
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        func = statement.value.func
        return isinstance(func, ast.Attribute) and func.attr in _CHANGES and context.dotted(func.value) == iterated
    return False


def _while(context: Context, node: ast.While) -> None:
    context.scope.complexity += 1
    context.expressions((node.test,))
    _loop(context, node.body)
    context.nested(node.orelse)


def _with(context: Context, node: ast.With | ast.AsyncWith) -> None:
    context.expressions(node.items)
    for item in node.items:
        if item.optional_vars is not None:
            _target(context, item.optional_vars, None, alone=False)
    context.nested(node.body)


def _match(context: Context, node: ast.Match) -> None:
    context.scope.complexity += len(node.cases)
    context.expressions((node.subject,))
    for case in node.cases:
        context.expressions((case.pattern, case.guard))
    context.nested(*(case.body for case in node.cases))


def _type_alias(context: Context, node: ast.stmt) -> None:
    context.expressions((getattr(node, "value", None),))


STATEMENTS: Final[dict[type[ast.stmt], Handler]] = {
    ast.AnnAssign: _ann_assign,
    ast.Assert: _assert,
    ast.Assign: _assign,
    ast.AsyncFor: _for,
    ast.AsyncFunctionDef: visit_function,
    ast.AsyncWith: _with,
    ast.AugAssign: _aug_assign,
    ast.Break: _jump,
    ast.ClassDef: visit_class,
    ast.Continue: _jump,
    ast.Delete: _delete,
    ast.Expr: _expr,
    ast.For: _for,
    ast.FunctionDef: visit_function,
    ast.Global: _global,
    ast.If: _if,
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.Match: _match,
    ast.Nonlocal: _nonlocal,
    ast.Raise: _raise,
    ast.Return: _return,
    ast.Try: visit_try,
    ast.TryStar: visit_try,
    ast.While: _while,
    ast.With: _with,
}
_TYPE_ALIAS: Final[type[ast.stmt] | None] = getattr(ast, "TypeAlias", None)
"""From Python 3.12 on."""
if _TYPE_ALIAS is not None:
    STATEMENTS[_TYPE_ALIAS] = _type_alias
