"""What names give away: secrets, shadowed built-ins, what is never used."""

from __future__ import annotations

import ast
import re
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._context import Context, Scope

_SHADOWED: Final = frozenset({
    "all", "any", "bool", "bytes", "dict", "enumerate", "filter", "float", "frozenset", "int", "isinstance", "iter",
    "len", "list", "map", "max", "min", "next", "object", "open", "print", "range", "reversed", "set", "sorted", "str",
    "sum", "super", "tuple", "zip",
})  # fmt: skip
"""Built-in functions that code calls all the time; `id`, `type`, `input` and the like are good names too."""
_AMBIGUOUS: Final = frozenset({"l", "O", "I"})
_PASSWORD: Final = re.compile(r"(?:^|_)(?:password|passwd|passphrase|pwd)$", re.IGNORECASE)
_SECRET: Final = re.compile(r"(?:^|_)(?:secret|token|api_?key|private_?key|secret_?key|access_?key)$", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(
    r"\s|[<>{}$%*]|\.\.\.|^(?:x+|change_?me|none|null|true|false|todo|test|dummy|example|placeholder|secret|redacted)$"
    r"|passw|secret|token|your",
    re.IGNORECASE,
)
_RANDOM: Final = frozenset(
    f"random.{name}" for name in ("choice", "choices", "randint", "random", "randrange", "sample", "getrandbits")
)


def bind(context: Context, name: str, node: ast.AST, *, alone: bool) -> None:
    """Note that `name` is assigned at `node`, by itself or among others."""
    scope = context.scope
    if name in _AMBIGUOUS:
        context.report(rules.AMBIGUOUS_NAME, node, f"the name {name} looks like a digit")
    elif name in _SHADOWED and not scope.is_class:
        context.report(rules.SHADOWED_BUILTIN, node, f"{name} hides the built-in of that name")
    if alone and scope.is_function and name not in scope.assigned:
        scope.assigned[name] = node


def check_secret(context: Context, name: str, value: ast.AST | None) -> None:
    """A string, or a predictable random value, kept under a secret's name."""
    if not (_PASSWORD.search(name) or _SECRET.search(name)):
        return
    if isinstance(value, ast.Constant):
        if isinstance(value.value, str) and _looks_real(name, value.value):
            context.report(rules.PASSWORD, value, f"{name} is written into the source")
    elif isinstance(value, ast.Call) and context.dotted(value.func) in _RANDOM:
        context.report(rules.WEAK_RANDOM, value, f"{name} comes from a generator that can be predicted")


def _looks_real(name: str, value: str) -> bool:
    if _PLACEHOLDER.search(value) or not value.isascii():
        return False
    kinds = (str.isdigit, str.islower, str.isupper)
    mixed = sum(any(kind(character) for character in value) for kind in kinds)
    if _PASSWORD.search(name):
        return len(value) >= 4 and (mixed > 1 or not value.isalnum() or len(value) >= 8)
    return len(value) >= 12 and mixed > 1


def check_keyword(context: Context, node: ast.keyword) -> None:
    """A keyword argument that passes a secret."""
    if node.arg is not None and node.value.__class__ is ast.Constant:
        check_secret(context, node.arg, node.value)


def check_unused(context: Context, scope: Scope) -> None:
    """Local names that are assigned and never read."""
    if scope.dynamic:
        return
    for name, node in scope.assigned.items():
        if name not in scope.loaded and name not in scope.declared and not name.startswith("_"):
            context.report(rules.UNUSED_VARIABLE, node, f"{name} is assigned and never used", first_line=True)


def check_imports(context: Context) -> None:
    """Imported names that nothing in the module reads."""
    if context.name == "__init__.py":
        return
    unused = [imported for imported in context.imports if imported.name not in context.scope.loaded]
    if not unused:
        return
    words = context.words()
    for name, target, node in unused:
        if name not in words:
            same = target.rpartition(".")[2] == name or target.startswith(f"{name}.")
            shown = target if same else f"{target} as {name}"
            context.report(rules.UNUSED_IMPORT, node, f"{shown} is imported and never used")
