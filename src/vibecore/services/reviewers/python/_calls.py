"""What calls give away."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Final

from vibecore.services.reviewers.python import _rules as rules
from vibecore.services.reviewers.python._context import Context, Handler

_HTTP: Final = frozenset({"get", "post", "put", "delete", "head", "patch", "options", "request"})
_CLIENTS: Final = frozenset({"Client", "AsyncClient", "Session"})
_SQL: Final = re.compile(
    r"\s*(?:select\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|drop\s|alter\s|create\s|truncate\s|with\s)",
    re.IGNORECASE,
)
_READS: Final = frozenset({"read", "readlines", "readline", "write", "writelines"})
_WEAK: Final = frozenset({"md5", "sha1", "md4"})


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of the keyword argument `name`."""
    return next((item.value for item in call.keywords if item.arg == name), None)


def is_true(node: ast.AST | None) -> bool:
    """Whether it is the constant True."""
    return isinstance(node, ast.Constant) and node.value is True


def is_false(node: ast.AST | None) -> bool:
    """Whether it is the constant False."""
    return isinstance(node, ast.Constant) and node.value is False


def is_text(node: ast.AST | None) -> bool:
    """Whether it is a string constant."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def is_call_of(node: ast.AST | None, *names: str) -> bool:
    """Whether it calls one of these built-in functions."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def check_call(context: Context, node: ast.Call) -> None:
    """Every check of calls; which apply is told by the last name of what is called."""
    func = node.func
    if isinstance(func, ast.Name):
        name = func.id
        dotted = context.aliases.get(name, name)
    elif isinstance(func, ast.Attribute):
        name = func.attr
        if name in _BY_METHOD:
            _BY_METHOD[name](context, node)
        if name not in _LAST_NAMES:
            return
        dotted = context.dotted(func) or ""
    else:
        return
    check = _BY_NAME.get(dotted)
    if check is not None:
        check(context, node)


def shown(value: object) -> str:
    """A constant for a message. A long one is cut; a long integer is left out, as Python refuses to write it."""
    if type(value) is int and value.bit_length() > 128:
        return "a long integer"
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _eval(context: Context, node: ast.Call) -> None:
    context.scope.dynamic = True
    if node.args and not isinstance(node.args[0], ast.Constant):
        context.report(rules.EVAL, node, f"{ast_name(node)}() runs what it is given as code")


def ast_name(node: ast.Call) -> str:
    """The name of what is called, for a message."""
    func = node.func
    if isinstance(func, ast.Attribute):
        return f"{func.value.id}.{func.attr}" if isinstance(func.value, ast.Name) else func.attr
    return func.id if isinstance(func, ast.Name) else "it"


def _dynamic(context: Context, node: ast.Call) -> None:
    context.scope.dynamic = True


def _subprocess(context: Context, node: ast.Call) -> None:
    command = node.args[0] if node.args else keyword(node, "args")
    if is_true(keyword(node, "shell")) and not is_text(command):
        context.report(rules.SHELL, node, f"{ast_name(node)}() with shell=True runs a command made at run time")
    elif isinstance(context.scope.node, ast.AsyncFunctionDef):
        _blocking(context, node)


def _shell(context: Context, node: ast.Call) -> None:
    if node.args and not is_text(node.args[0]):
        context.report(rules.SHELL, node, f"{ast_name(node)}() gives a command made at run time to a shell")


def _yaml(context: Context, node: ast.Call) -> None:
    loader = node.args[1] if len(node.args) > 1 else keyword(node, "Loader")
    name = context.dotted(loader) if loader is not None else None
    if name is None or not name.endswith(("SafeLoader", "BaseLoader")):
        context.report(rules.YAML_LOAD, node, f"{ast_name(node)}() makes any object that the document asks for")


def _unpickle(context: Context, node: ast.Call) -> None:
    context.report(rules.UNPICKLE, node, f"{ast_name(node)}() runs code that the data brings with it")
    _given_open_file(context, node)


def _weak_hash(context: Context, node: ast.Call) -> None:
    if not is_false(keyword(node, "usedforsecurity")):
        context.report(rules.WEAK_HASH, node, f"{ast_name(node)} is broken: others can make data with the same digest")


def _new_hash(context: Context, node: ast.Call) -> None:
    name = node.args[0] if node.args else keyword(node, "name")
    if isinstance(name, ast.Constant) and isinstance(name.value, str) and name.value.lower() in _WEAK:
        _weak_hash(context, node)


def _mktemp(context: Context, node: ast.Call) -> None:
    context.report(rules.MKTEMP, node, "another program can take the name before the file is made")


def _no_tls(context: Context, node: ast.Call) -> None:
    context.report(rules.NO_TLS_CHECK, node, "the server's certificate is not checked")


def _chmod(context: Context, node: ast.Call) -> None:
    mode = node.args[1] if len(node.args) > 1 else keyword(node, "mode")
    if isinstance(mode, ast.Constant) and type(mode.value) is int and mode.value & 0o002:
        context.report(rules.OPEN_MODE, node, f"mode {mode.value:#o} lets everyone write to the file")


def _utcnow(context: Context, node: ast.Call) -> None:
    context.report(rules.NAIVE_UTC, node, f"{ast_name(node)}() has no time zone and passes for local time")


def _breakpoint(context: Context, node: ast.Call) -> None:
    context.report(rules.BREAKPOINT, node, f"{ast_name(node)}() stops the program for a debugger")


def _sleep(context: Context, node: ast.Call) -> None:
    if isinstance(context.scope.node, ast.AsyncFunctionDef):
        _blocking(context, node)


def _blocking(context: Context, node: ast.Call) -> None:
    context.report(rules.BLOCKING, node, f"{ast_name(node)}() holds up every other task of the event loop")


def _request(context: Context, node: ast.Call) -> None:
    given = {item.arg for item in node.keywords}
    if "timeout" not in given and None not in given:
        context.report(rules.NO_TIMEOUT, node, f"{ast_name(node)}() waits for ever if the server does not answer")
    _sleep(context, node)


def _any_all(context: Context, node: ast.Call) -> None:
    if len(node.args) == 1 and isinstance(node.args[0], ast.ListComp):
        context.report(rules.LIST_FOR_TEST, node, f"{ast_name(node)}() waits for the whole list")


def _compile(context: Context, node: ast.Call) -> None:
    if context.scope.loops and node.args and isinstance(node.args[0], ast.Constant):
        context.report(rules.COMPILED_IN_LOOP, node, "the same pattern is compiled in every turn")


def _given_open_file(context: Context, node: ast.Call) -> None:
    if node.args and is_call_of(node.args[0], "open"):
        context.report(rules.UNCLOSED, node.args[0], "nothing closes this file")


def _method_of_open(context: Context, node: ast.Call) -> None:
    func = node.func
    if isinstance(func, ast.Attribute) and is_call_of(func.value, "open"):
        context.report(rules.UNCLOSED, func.value, "nothing closes this file")


def _execute(context: Context, node: ast.Call) -> None:
    statement = node.args[0] if node.args else None
    text = _made_text(statement)
    if statement is not None and text is not None and _SQL.match(text):
        context.report(rules.SQL, statement, "the statement is put together from text and values")


def _made_text(node: ast.AST | None) -> str | None:
    """The beginning of a string that is made from values; None for any other expression."""
    if isinstance(node, ast.JoinedStr):
        if any(isinstance(part, ast.FormattedValue) for part in node.values):
            first = node.values[0]
            return str(first.value) if isinstance(first, ast.Constant) else None
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        if isinstance(node.op, ast.Add) and is_text(node.right) and is_text(node.left):
            return None
        left: ast.AST = node.left
        while isinstance(left, ast.BinOp) and isinstance(left.op, ast.Add):
            left = left.left
        return str(left.value) if isinstance(left, ast.Constant) and is_text(left) else None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        value = node.func.value
        return str(value.value) if isinstance(value, ast.Constant) and is_text(value) else None
    return None


def _run(context: Context, node: ast.Call) -> None:
    func = node.func
    if (
        isinstance(func, ast.Attribute)
        and isinstance(func.value, ast.Name)
        and func.value.id in ("app", "application")
        and is_true(keyword(node, "debug"))
    ):
        context.report(rules.DEBUG_SERVER, node, "a debug server lets everyone who reaches it run code")


def _verify(context: Context, node: ast.Call) -> None:
    if is_false(keyword(node, "verify")):
        _no_tls(context, node)


_BY_NAME: Final[Mapping[str, Handler]] = (
    {
        "eval": _eval,
        "exec": _eval,
        "builtins.eval": _eval,
        "builtins.exec": _eval,
        "locals": _dynamic,
        "vars": _dynamic,
        "dir": _dynamic,
        "any": _any_all,
        "all": _any_all,
        "breakpoint": _breakpoint,
        "re.compile": _compile,
        "yaml.load": _yaml,
        "yaml.load_all": _yaml,
        "yaml.unsafe_load": _yaml,
        "os.chmod": _chmod,
        "tempfile.mktemp": _mktemp,
        "ssl._create_unverified_context": _no_tls,
        "hashlib.new": _new_hash,
        "json.load": _given_open_file,
        "yaml.safe_load": _given_open_file,
        "csv.reader": _given_open_file,
        "time.sleep": _sleep,
        "urllib.request.urlopen": _sleep,
    }
    | dict.fromkeys(
        (f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen")), _subprocess
    )
    | dict.fromkeys(
        (
            "os.system",
            "os.popen",
            "subprocess.getoutput",
            "subprocess.getstatusoutput",
            "asyncio.create_subprocess_shell",
        ),
        _shell,
    )
    | dict.fromkeys(
        (
            *(
                f"{module}.{name}"
                for module in ("pickle", "cPickle", "dill", "marshal", "cloudpickle")
                for name in ("load", "loads")
            ),
            "pickle.Unpickler",
            "dill.Unpickler",
            "shelve.open",
            "jsonpickle.decode",
            "pandas.read_pickle",
            "joblib.load",
        ),
        _unpickle,
    )
    | dict.fromkeys((f"hashlib.{name}" for name in _WEAK), _weak_hash)
    | dict.fromkeys(
        (
            "datetime.utcnow",
            "datetime.datetime.utcnow",
            "datetime.utcfromtimestamp",
            "datetime.datetime.utcfromtimestamp",
        ),
        _utcnow,
    )
    | dict.fromkeys((f"{module}.set_trace" for module in ("pdb", "ipdb", "pudb")), _breakpoint)
    | dict.fromkeys((f"requests.{name}" for name in _HTTP), _request)
)

_BY_METHOD: Final[Mapping[str, Handler]] = (
    dict.fromkeys(_READS, _method_of_open)
    | dict.fromkeys(("execute", "executemany", "executescript"), _execute)
    | {"run": _run}
    | dict.fromkeys(_HTTP | _CLIENTS, _verify)
)

_LAST_NAMES: Final = frozenset(name.rpartition(".")[2] for name in _BY_NAME if "." in name)
