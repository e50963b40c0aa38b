"""The rules of the Python reviewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vibecore.domain.issues import IssueCategory, IssueSeverity


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. `codes` are what flake8, ruff and bandit call it: a comment that silences those silences it too."""

    id: str
    severity: IssueSeverity
    category: IssueCategory
    suggestion: str
    codes: tuple[str, ...] = ()


RULES: Final[dict[str, Rule]] = {}
"""Every rule by its id."""


def _rule(category: IssueCategory, severity: IssueSeverity, id: str, suggestion: str, *codes: str) -> Rule:
    rule = RULES[id] = Rule(id, severity, category, suggestion, codes)
    return rule


_ERROR: Final = IssueSeverity.ERROR
_WARNING: Final = IssueSeverity.WARNING
_INFO: Final = IssueSeverity.INFO
_SECURITY: Final = IssueCategory.SECURITY
_CORRECT: Final = IssueCategory.CORRECTNESS
_FAST: Final = IssueCategory.PERFORMANCE
_SIMPLE: Final = IssueCategory.MAINTAINABILITY
_DOCUMENTED: Final = IssueCategory.DOCUMENTATION
_STYLE: Final = IssueCategory.STYLE

EVAL = _rule(
    _SECURITY,
    _ERROR,
    "eval",
    "Parse the data, with ast.literal_eval or json, instead of running it.",
    "S102",
    "S307",
    "B102",
    "B307",
    "PGH001",
)
SHELL = _rule(
    _SECURITY,
    _ERROR,
    "shell-command",
    "Pass the program and its arguments as a list, without a shell.",
    "S602",
    "S604",
    "S605",
    "B602",
    "B604",
    "B605",
)
YAML_LOAD = _rule(_SECURITY, _ERROR, "yaml-load", "Use yaml.safe_load.", "S506", "B506")
UNPICKLE = _rule(
    _SECURITY,
    _WARNING,
    "unpickle",
    "Read data that others may have written from JSON or another plain format.",
    "S301",
    "S302",
    "B301",
    "B302",
)
PASSWORD = _rule(
    _SECURITY,
    _ERROR,
    "hardcoded-secret",
    "Read it from the environment or a secret store.",
    "S105",
    "S106",
    "S107",
    "B105",
    "B106",
    "B107",
)
WEAK_HASH = _rule(
    _SECURITY,
    _WARNING,
    "weak-hash",
    "Use hashlib.sha256, or say usedforsecurity=False where nothing depends on it.",
    "S303",
    "S324",
    "B303",
    "B324",
)
MKTEMP = _rule(
    _SECURITY,
    _WARNING,
    "mktemp",
    "Use tempfile.NamedTemporaryFile or mkstemp, which make the file at once.",
    "S306",
    "B306",
)
WEAK_RANDOM = _rule(_SECURITY, _WARNING, "weak-random", "Use the secrets module.", "S311", "B311")
NO_TLS_CHECK = _rule(
    _SECURITY,
    _ERROR,
    "tls-not-verified",
    "Leave verification on; name the right certificate authority instead.",
    "S323",
    "S501",
    "B323",
    "B501",
)
DEBUG_SERVER = _rule(_SECURITY, _WARNING, "debug-server", "Turn debugging on from the environment.", "S201", "B201")
SQL = _rule(_SECURITY, _ERROR, "sql-injection", "Pass the values as parameters of the statement.", "S608", "B608")
OPEN_MODE = _rule(_SECURITY, _WARNING, "world-writable", "Grant no more than the owner needs.", "S103", "B103")

MUTABLE_DEFAULT = _rule(
    _CORRECT, _WARNING, "mutable-default", "Use None as the default and make the value inside.", "B006", "W0102"
)
BARE_EXCEPT = _rule(
    _CORRECT,
    _WARNING,
    "bare-except",
    "Name the exceptions that are expected; Exception at the widest.",
    "E722",
    "W0702",
)
SWALLOWED = _rule(
    _CORRECT,
    _WARNING,
    "swallowed-exception",
    "Handle it, log it, or catch only what may be ignored.",
    "S110",
    "S112",
    "B110",
    "B112",
    "BLE001",
)
COMPARE_NONE = _rule(_CORRECT, _WARNING, "compare-none", "Use `is None` or `is not None`.", "E711")
COMPARE_BOOL = _rule(_STYLE, _INFO, "compare-bool", "Use the value itself, or `not` with it.", "E712")
IS_LITERAL = _rule(_CORRECT, _ERROR, "is-literal", "Compare with == or !=.", "F632")
UNREACHABLE = _rule(_CORRECT, _WARNING, "unreachable", "Remove it, or mend the branch above it.", "W0101")
DUPLICATE_KEY = _rule(_CORRECT, _ERROR, "duplicate-key", "Keep one of the two.", "F601", "W0109")
DUPLICATE_DEFINITION = _rule(_CORRECT, _WARNING, "redefinition", "Rename or remove one of the two.", "F811", "E0102")
EMPTY_FSTRING = _rule(_STYLE, _INFO, "f-string-without-placeholder", "Drop the f.", "F541", "W1309")
RETURN_IN_FINALLY = _rule(_CORRECT, _WARNING, "jump-in-finally", "Leave after the try statement.", "B012", "W0150")
RAISE_NOT_IMPLEMENTED = _rule(_CORRECT, _ERROR, "raise-notimplemented", "Raise NotImplementedError.", "F901")
ASSERT_TUPLE = _rule(_CORRECT, _ERROR, "assert-tuple", "Remove the parentheses.", "F631", "W0199")
ASSERT_INPUT = _rule(
    _CORRECT, _INFO, "assert-input", "Raise ValueError or TypeError: python -O removes assertions.", "S101", "B101"
)
EXCEPT_OR = _rule(_CORRECT, _ERROR, "except-or", "List the exceptions in a tuple.", "B030")
ALWAYS_TRUE = _rule(_CORRECT, _ERROR, "always-true", "Compare with each value, or use `in`.", "SIM222", "R1714")
INIT_RETURN = _rule(_CORRECT, _ERROR, "init-returns", "Return nothing from __init__.", "PLE0101", "E0101")
USELESS_COMPARISON = _rule(_CORRECT, _WARNING, "useless-comparison", "Assert it, assign it or remove it.", "B015")
SELF_ASSIGNMENT = _rule(_CORRECT, _WARNING, "self-assignment", "Remove it.", "PLW0127", "W0127")
CHANGED_WHILE_ITERATED = _rule(
    _CORRECT, _ERROR, "changed-while-iterated", "Iterate over a copy, or build a new one.", "B909", "W4701"
)
NAIVE_UTC = _rule(_CORRECT, _WARNING, "naive-utc", "Use datetime.now(timezone.utc).", "DTZ003", "DTZ004")
NO_TIMEOUT = _rule(_CORRECT, _WARNING, "request-without-timeout", "Pass a timeout.", "S113", "B113")
UNCLOSED = _rule(_CORRECT, _WARNING, "unclosed-file", "Open it in a with statement.", "SIM115", "R1732")
STAR_IMPORT = _rule(_SIMPLE, _WARNING, "star-import", "Import the names that are used.", "F403", "W0401")
UNUSED_IMPORT = _rule(_SIMPLE, _WARNING, "unused-import", "Remove it.", "F401", "W0611")
UNUSED_VARIABLE = _rule(_SIMPLE, _INFO, "unused-variable", "Remove it, or name it _.", "F841", "W0612")
BREAKPOINT = _rule(_SIMPLE, _WARNING, "debugger", "Remove it.", "T100", "W1515")
COMPLEX = _rule(_SIMPLE, _WARNING, "complex-function", "Split it where it changes its subject.", "C901", "R0912")
MANY_ARGUMENTS = _rule(
    _SIMPLE, _WARNING, "many-arguments", "Group what belongs together into an object.", "PLR0913", "R0913"
)
LONG_FUNCTION = _rule(_SIMPLE, _WARNING, "long-function", "Split it into steps with names.", "PLR0915", "R0915")
DEEP_NESTING = _rule(
    _SIMPLE, _WARNING, "deep-nesting", "Return early, or move the inner part to a function.", "PLR1702", "R1702"
)
LONG_FILE = _rule(_SIMPLE, _INFO, "long-file", "Split it into modules by subject.", "C0302")
GLOBAL = _rule(_SIMPLE, _INFO, "global-state", "Pass the value, or keep it in an object.", "PLW0603", "W0603")
USELESS_EXCEPT = _rule(_SIMPLE, _INFO, "useless-except", "Remove the handler.", "TRY203", "W0706")
MISSING_DOCSTRING = _rule(
    _DOCUMENTED,
    _INFO,
    "missing-docstring",
    "Say what holds, what it raises and what surprises.",
    "D101",
    "D102",
    "D103",
    "C0115",
    "C0116",
)
SHADOWED_BUILTIN = _rule(_STYLE, _INFO, "shadowed-builtin", "Choose another name.", "A001", "A002", "W0622")
TYPE_COMPARISON = _rule(_STYLE, _INFO, "type-comparison", "Use isinstance, or `is` for the exact type.", "E721")
NOT_IN = _rule(_STYLE, _INFO, "not-in", "Use `not in` or `is not`.", "E713", "E714")
LAMBDA_ASSIGNED = _rule(_STYLE, _INFO, "assigned-lambda", "Use def: the function then has a name.", "E731")
AMBIGUOUS_NAME = _rule(_STYLE, _INFO, "ambiguous-name", "Choose a name that does not look like a digit.", "E741")
CONCATENATION = _rule(
    _FAST, _WARNING, "string-concatenation", "Collect the parts in a list and join them once.", "PERF401", "R1713"
)
BLOCKING = _rule(
    _FAST,
    _WARNING,
    "blocking-call",
    "Use the awaitable counterpart, such as asyncio.sleep.",
    "ASYNC210",
    "ASYNC220",
    "ASYNC251",
)
KEYS = _rule(_FAST, _INFO, "needless-keys", "Use the dictionary itself.", "SIM118", "C0201")
LIST_FOR_TEST = _rule(_FAST, _INFO, "list-for-test", "Use a generator: the test then stops early.", "C419", "R1729")
SORTED_FOR_END = _rule(_FAST, _INFO, "sorted-for-one", "Use min or max.", "FURB192")
COMPILED_IN_LOOP = _rule(_FAST, _INFO, "compile-in-loop", "Compile it once, before the loop.")

NOT_IN_TESTS: Final = frozenset(
    {EVAL, UNPICKLE, PASSWORD, WEAK_HASH, MKTEMP, WEAK_RANDOM, NO_TIMEOUT, ASSERT_INPUT, MISSING_DOCSTRING}
    | {USELESS_COMPARISON, LONG_FILE, LONG_FUNCTION, UNCLOSED, COMPARE_NONE, COMPARE_BOOL}
)
"""What tests do on purpose."""
