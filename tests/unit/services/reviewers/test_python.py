from __future__ import annotations

import sysconfig
import textwrap
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.issues import Issue
from vibecore.domain.text import count_lines, decode
from vibecore.services.reviewers.protocol import FileReview, NotReviewed, Reviewer
from vibecore.services.reviewers.python import LARGEST, MOST_OF_A_RULE, PythonReviewer
from vibecore.services.reviewers.python._rules import RULES

REVIEWER: Reviewer = PythonReviewer()

# The rule, a module that breaks it on the line that ends in "#!", and one that does not.
CASES = [
    ("eval", "eval(x)  #!", "eval('1 + 1')"),
    ("eval", "exec(code, {})  #!", "x.exec(code)"),
    ("shell-command", "import subprocess as s\ns.run(c, shell=True)  #!", "import subprocess as s\ns.run(c)"),
    ("shell-command", "from subprocess import Popen\nPopen(f'rm {x}', shell=True)  #!", "Popen('ls', shell=True)"),
    ("shell-command", "import os\nos.system('rm ' + x)  #!", "import os\nos.system('ls')"),
    ("yaml-load", "import yaml\nyaml.load(f)  #!", "import yaml\nyaml.load(f, Loader=yaml.SafeLoader)"),
    ("yaml-load", "import yaml\nyaml.load(f, yaml.Loader)  #!", "import yaml\nyaml.safe_load(f)"),
    ("unpickle", "import pickle\npickle.loads(x)  #!", "import pickle\npickle.dumps(x)"),
    ("hardcoded-secret", "password = 'hunter2!'  #!", "password = os.environ['PASSWORD']"),
    ("hardcoded-secret", "connect(password='hunter2')  #!", "connect(password='<password>')"),
    ("hardcoded-secret", "c['api_key'] = 'sk4f9a8b7c6d5e'  #!", "api_key = 'api_key'"),
    ("hardcoded-secret", "def f(token='a8f7e6d5c4b3a2'): return token  #!", "token = 'NUMBER'"),
    ("weak-hash", "import hashlib\nhashlib.md5(x)  #!", "import hashlib\nhashlib.md5(x, usedforsecurity=False)"),
    ("weak-hash", "from hashlib import new\nnew('SHA1', x)  #!", "import hashlib\nhashlib.sha256(x)"),
    ("mktemp", "import tempfile\ntempfile.mktemp()  #!", "import tempfile\ntempfile.mkstemp()"),
    ("weak-random", "import random\ntoken = random.choices(x)  #!", "import random\ncolour = random.choice(x)"),
    ("tls-not-verified", "requests.get(u, verify=False, timeout=1)  #!", "requests.get(u, verify=True, timeout=1)"),
    ("debug-server", "app.run(debug=True)  #!", "app.run(debug=debug)"),
    ("sql-injection", "c.execute(f'select * from t where a = {a}')  #!",
     "c.execute('select 1 where a = %s', (a,))"),
    ("sql-injection", "c.execute('delete from t where a = %s' % a)  #!", "c.execute('select ' + '1')"),
    ("sql-injection", "c.execute('update t set a = ' + a + ' where b')  #!", "c.execute(f'{a}')"),
    ("sql-injection", "c.execute('insert into {} values (1)'.format(t))  #!", "c.execute('{}'.format(t))"),
    ("world-writable", "import os\nos.chmod(p, 0o777)  #!", "import os\nos.chmod(p, 0o644)"),
    ("mutable-default", "def _f(a=[]): pass  #!", "def _f(a=()): pass"),
    ("mutable-default", "def _f(*, a=dict()): pass  #!", "def _f(*, a=None): pass"),
    ("bare-except", "try:\n    f()\nexcept:  #!\n    g()", "try:\n    f()\nexcept:\n    g()\n    raise"),
    ("swallowed-exception", "try:\n    f()\nexcept Exception:  #!\n    pass",
     "try:\n    f()\nexcept KeyError:\n    pass"),
    ("compare-none", "a = b == None  #!", "a = b is None"),
    ("compare-bool", "a = b != True  #!", "a = b is True"),
    ("is-literal", "a = b is 'x'  #!", "a = b is None"),
    ("is-literal", "a = b is not ()  #!", "a = b is True"),
    ("unreachable", "def _f():\n    return 1\n    g()  #!", "def _f():\n    return\n    yield"),
    ("unreachable", "while a:\n    continue\n    g()  #!", "while a:\n    if b:\n        continue\n    g()"),
    ("duplicate-key", "a = {'x': 1,\n     'x': 2}  #!", "a = {1: 1, '1': 2, True: 3, 1.0: 4}"),
    ("redefinition", "def _f(): pass\ndef _f(): pass  #!", "@a\ndef _f(): pass\n@b\ndef _f(): pass"),
    ("redefinition", "class _A:\n    def f(self): pass\n    def f(self): pass  #!",
     "def _f(): pass\n_f()\ndef _f(): pass"),
    ("f-string-without-placeholder", "a = f'x'  #!", "a = f'{x:>10}' f'y'"),
    ("jump-in-finally", "def _f():\n    try:\n        g()\n    finally:\n        return 1  #!",
     "def _f():\n    try:\n        g()\n    finally:\n        for x in y:\n            break"),
    ("raise-notimplemented", "raise NotImplemented('x')  #!", "raise NotImplementedError"),
    ("assert-tuple", "assert (a, 'message')  #!", "assert a, 'message'"),
    ("assert-input", "def f(a):\n    'x'\n    assert isinstance(a, int)  #!",
     "def f(a):\n    'x'\n    assert g(a)"),
    ("except-or", "try:\n    f()\nexcept A or B:  #!\n    g()", "try:\n    f()\nexcept (A, B):\n    g()"),
    ("always-true", "if a == 'x' or 'y':  #!\n    f()", "if a == 'x' or b:\n    f()"),
    ("init-returns", "class _A:\n    def __init__(self):\n        return 1  #!", "def __init__(a):\n    return 1"),
    ("useless-comparison", "a == b  #!", "c = a == b"),
    ("self-assignment", "def _f(a):\n    a = a  #!\n    return a", "class _A:\n    b = b"),
    ("changed-while-iterated", "for a in b:\n    b.remove(a)  #!",
     "for a in b:\n    if a:\n        b.remove(a)\n        break"),
    ("changed-while-iterated", "for a in b:\n    if a:\n        del b[a]  #!", "for a in list(b):\n    del b[a]"),
    ("naive-utc", "from datetime import datetime\na = datetime.utcnow()  #!", "a = datetime.now(UTC)"),
    ("request-without-timeout", "import requests\nrequests.get(u)  #!",
     "import requests\nrequests.get(u, **options)"),
    ("unclosed-file", "a = open(p).read()  #!", "with open(p) as f:\n    a = f.read()"),
    ("unclosed-file", "for a in open(p):  #!\n    f(a)", "import json\njson.load(f)"),
    ("star-import", "from a import *  #!", "from a import b\nb"),
    ("unused-import", "import a.b  #!", "import a.b\na.b.c()"),
    ("unused-import", "from a import b as c  #!", "from a import b as b\nfrom c import d\n__all__ = ['d']"),
    ("unused-import", "import a\nimport b  #!\na.b", "try:\n    import a\nexcept ImportError:\n    pass"),
    ("unused-import", "import a  #!", "import a\nx: 'list[a.B]' = []"),
    ("unused-variable", "def _f():\n    a = 1  #!", "def _f():\n    a = 1\n    return lambda: a"),
    ("unused-variable", "def _f():\n    try:\n        g()\n    except E as e:  #!\n        h()",
     "def _f():\n    a = 1\n    locals()"),
    ("unused-variable", "def _f():\n    a = f'{b}'  #!", "def _f():\n    a = 1\n    return f'{b:{a}}'"),
    ("debugger", "breakpoint()  #!", "import pdb\npdb.run(x)"),
    ("complex-function", "def _f(a):  #!\n" + "    if a: g()\n" * 15, "def _f(a):\n" + "    if a: g()\n" * 14),
    ("many-arguments", "def _f(a, b, c, d, e, f, g, h): pass  #!",
     "class _A:\n    def f(self, a, b, c, d, e, f, g): pass"),
    ("long-function", "def _f():  #!\n" + "    g()\n" * 100, "def _f():\n" + "    g()\n" * 99),
    ("deep-nesting", "def _f():  #!\n" + "".join("    " * i + "if a:\n" for i in range(1, 7)) + "    " * 7 + "g()",
     "def _f():\n" + "".join("    " * i + "if a:\n" for i in range(1, 6)) + "    " * 6 + "g()"),
    ("long-file", "'x'  #!\n" + "f()\n" * 1000, "f()\n" * 999),
    ("global-state", "def _f():\n    global a  #!\n    a = 1", "global a\na = 1"),
    ("useless-except", "try:\n    f()\nexcept A:  #!\n    raise",
     "try:\n    f()\nexcept A:\n    raise\nexcept B:\n    g()"),
    ("missing-docstring", "def f(): pass  #!", "def f():\n    'Says.'"),
    ("missing-docstring", "class A: pass  #!", "class A:\n    'Says.'\n    def f(self): pass"),
    ("shadowed-builtin", "list = 1  #!", "class _A:\n    list = 1"),
    ("shadowed-builtin", "def _f(str): pass  #!", "def _f(id, type): pass"),
    ("type-comparison", "if type(a) == int: f()  #!", "if type(a) is int: f()"),
    ("not-in", "a = not b in c  #!", "a = b not in c"),
    ("assigned-lambda", "a = lambda: 1  #!", "f(lambda: 1)"),
    ("ambiguous-name", "l = 1  #!", "i = 1"),
    ("string-concatenation", "a = ''\nfor b in c:\n    a += b  #!", "for b in c:\n    a = ''\n    a += b"),
    ("string-concatenation", "a = ''\nwhile b:\n    a = a + str(b)  #!", "a = 0\nfor b in c:\n    a += b"),
    ("blocking-call", "import time\nasync def _f():\n    time.sleep(1)  #!",
     "import time\ndef _f():\n    time.sleep(1)"),
    ("needless-keys", "for a in b.keys(): f()  #!", "for a in b: f(b.keys())"),
    ("needless-keys", "c = a in b.keys()  #!", "c = b.keys() & d"),
    ("list-for-test", "c = any([a for a in b])  #!", "c = any(a for a in b)"),
    ("sorted-for-one", "a = sorted(b)[-1]  #!", "a = sorted(b)[1]"),
    ("compile-in-loop", "import re\nfor a in b:\n    re.compile('x')  #!", "import re\nre.compile('x')"),
]  # fmt: skip


def _found(code: str, path: str = "src/a.py") -> list[tuple[str, int]]:
    return [(issue.rule_id, issue.line) for issue in REVIEWER.review(path, code).issues]


@pytest.mark.parametrize(("rule", "bad", "good"), CASES, ids=[f"{case[0]}-{place}" for place, case in enumerate(CASES)])
def test_a_rule_finds_what_it_is_for_and_nothing_else(rule: str, bad: str, good: str) -> None:
    """The broken line is named, and the sound counterpart is left alone."""
    line = next(number for number, text in enumerate(bad.split("\n"), 1) if "#!" in text)
    assert (rule, line) in _found(bad + "\n")
    assert rule not in {found for found, _ in _found(good + "\n")}


def test_every_rule_has_a_case() -> None:
    """Among at least 25."""
    assert {case[0] for case in CASES} == set(RULES)
    assert len(RULES) >= 50


def test_good_code_is_clean() -> None:
    """A well-kept module gets no issue and is told what is good about it."""
    code = textwrap.dedent(
        '''\
        """A module."""

        from __future__ import annotations

        import os
        from collections.abc import Iterator


        def first(path: str) -> str:
            """The first line."""
            with open(path, encoding="utf-8") as file:
                return file.readline()


        def names(folder: str, *, hidden: bool = False) -> Iterator[str]:
            """The names in a folder."""
            for entry in os.scandir(folder):
                if hidden or not entry.name.startswith("."):
                    yield entry.name


        class Counter:
            """Counts."""

            def __init__(self) -> None:
                self.count = 0

            def add(self, more: int = 1) -> int:
                """The new count."""
                self.count += more
                return self.count
        '''
    )
    review = REVIEWER.review("src/good.py", code)
    assert review == FileReview(
        issues=(),
        highlights=(
            "Everything public has a docstring.",
            "Every function is fully annotated.",
            "Every function is simple.",
            "Nothing worse than a remark was found.",
        ),
        summary="no issues in 31 lines and 4 functions, the most complex names with 4.",
        lines=31,
    )


def test_a_summary_counts_by_severity() -> None:
    """What is suppressed is counted apart."""
    review = REVIEWER.review("a.py", "import a\nimport b  # noqa\neval(x)\n")
    assert review.summary == "1 error, 1 warning, 1 suppressed in 3 lines."
    assert review.highlights == ()


def test_tests_may_do_what_tests_do() -> None:
    """Passwords, pickles and missing docstrings are nothing to remark in a test; a shell still is."""
    code = "import pickle, os\ndef test():\n    password = 'hunter2!'\n    f(pickle.loads(x), password)\nos.system(x)\n"
    for path in ("tests/a.py", "test_a.py", "a/a_test.py", "conftest.py", "src/testing/b.py"):
        assert {rule for rule, _ in _found(code, path)} == {"shell-command"}
    assert {"unpickle", "hardcoded-secret", "missing-docstring"} <= {rule for rule, _ in _found(code, "src/a.py")}


def test_the_front_of_a_package_imports_to_pass_on() -> None:
    """Neither an unused nor a star import is remarked there."""
    code = "from a.b import c\nfrom a.d import *\n"
    assert _found(code, "a/__init__.py") == []
    assert len(_found(code, "a/b.py")) == 2


@pytest.mark.parametrize(
    ("code", "suppressed"),
    [
        ("import a  # noqa", True),
        ("import a  # NOQA: F401", True),
        ("import a  # noqa: E501, F401 because", True),
        ("import a  # noqa: E501", False),
        ("import a  # pylint: disable=W0611", True),
        ("import a  # pylint: disable=W0612", False),
        ("import a  # nosec", False),
        ("import a\n# noqa", False),
        ("# ruff: noqa\nimport a", True),
        ("# flake8: noqa: F401\nimport a", True),
        ("# flake8: noqa: F841\nimport a", False),
        ("eval(x)  # nosec", True),
        ("eval(x)  # nosec B307", True),
        ("eval(x)  # nosec: B101", False),
        ("eval(\n    x,\n)  # noqa: S307", True),
        ("eval('#' + x)  # reason  # noqa", True),
        ("eval(x + '# noqa')", False),
        ("'''\n# ruff: noqa\n'''\nimport a", False),
        ("def f():  # noqa: D103\n    pass", True),
        ("def f():\n    pass  # noqa: D103", False),
    ],
)
def test_comments_silence_as_for_other_tools(code: str, suppressed: bool) -> None:
    """The issue is still there, marked; only comments count, and only for the codes they name."""
    (issue,) = REVIEWER.review("src/a.py", code + "\n").issues
    assert issue.suppressed is suppressed


@pytest.mark.parametrize(
    ("code", "position"),
    [
        ("x = 1; eval(y)", (1, 8)),
        ("é = '日本'; eval(y)", (1, 11)),
        ("\ufeffeval(y)", (1, 2)),
        ("a\r\neval(y)\r\n", (2, 1)),
        ("a\reval(y)\rb\n", (1, 3)),
        ("a\n\x0c\neval(y)", (3, 1)),
        ("a = '\x0b\x1c\u2028'\neval(y)", (2, 1)),
    ],
    ids=ascii,
)
def test_positions_are_lines_by_line_feeds_and_columns_in_code_points(code: str, position: tuple[int, int]) -> None:
    """Whatever ends Python's own lines, and however many bytes a character has."""
    issue = next(issue for issue in REVIEWER.review("a.py", code).issues if issue.rule_id == "eval")
    assert (issue.line, issue.column) == position


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f(:\n", "cannot be parsed: "),
        ("print 'x'\n", "cannot be parsed: "),
        ("a\0b", "cannot be parsed: "),
        ("a = '\ud800'", "cannot be parsed: holds a lone surrogate"),
        ("if a:\n\tb\n        c\n", "cannot be parsed: inconsistent use of tabs"),
        ("-" * 50_000 + "1", "is nested too deeply"),
        ("a" + ".b" * 50_000, "is nested too deeply"),
        ("(" * 5_000 + ")" * 5_000, "cannot be parsed: too many nested parentheses"),
        ("#" * (LARGEST + 1), "has 4000001 characters, at most 4000000 are reviewed"),
    ],
    ids=lambda text: ascii(text)[:30],
)
def test_what_cannot_be_judged_is_not_reviewed(code: str, reason: str) -> None:
    """An error with its reason, never a review without issues."""
    with pytest.raises(NotReviewed) as caught:
        REVIEWER.review("a.py", code)
    assert caught.value.reason.startswith(reason)


def test_long_chains_are_followed() -> None:
    """What is long and not deep is reviewed: thousands of branches, handlers, statements and operands."""
    for code in (
        "if a:\n    f()\n" + "elif b:\n    f()\n" * 500,
        "try:\n    f()\nexcept A:\n    f()\n" + "except B:\n    f()\n" * 2_000,
        "a; " * 50_000,
        "x = a and " + "b and " * 20_000 + "c",
        "".join(" " * depth + "if a:\n" for depth in range(99)) + " " * 99 + "f()",
    ):
        assert "eval" in {rule for rule, _ in _found(code + "\neval(x)\n")}


def test_odd_constants_are_no_trouble() -> None:
    """Integers that Python refuses to write, names as long as a module, strings with surrogates."""
    number = "0x" + "f" * 20_000
    name = "a" * 100_000
    review = REVIEWER.review(
        "src/a.py", f"x = {{{number}: 1, {number}: 2, '\\ud800': 1, '\\ud800': 2}}\ndef {name}(): pass\n"
    )
    assert [issue.rule_id for issue in review.issues] == ["duplicate-key", "duplicate-key", "missing-docstring"]
    assert [Issue.from_json(issue.to_json()) for issue in review.issues] == list(review.issues)
    assert len(review.summary) < 300


def test_a_rule_that_is_broken_everywhere_is_told_in_bounds() -> None:
    """The first ones stay, and the last of them says how many more there are."""
    review = REVIEWER.review("a.py", "eval(x)\n" * (MOST_OF_A_RULE + 7) + "import a\n")
    issues = [issue for issue in review.issues if issue.rule_id == "eval"]
    assert [issue.line for issue in issues] == list(range(1, MOST_OF_A_RULE + 1))
    assert issues[-1].message.endswith("(and 7 more in this file)")
    assert review.issues[-1].rule_id == "unused-import"


def test_parsing_warns_nobody() -> None:
    """Escapes and comparisons that Python warns of while it parses stay between it and the reviewed file."""
    code = "a = '\\d'\nb = a is 1\nassert (a, b)\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        REVIEWER.review("a.py", code)
    assert caught == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert REVIEWER.review("a.py", code).lines == 3


def test_threads_share_one_reviewer() -> None:
    """Many reviews at once give what each gives alone."""
    codes = [f"import a{number}\nx = '\\d'\n" + bad + "\n" for number, (_, bad, _) in enumerate(CASES)]
    alone = [REVIEWER.review("a.py", code) for code in codes]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda code: REVIEWER.review("a.py", code), codes * 4)) == alone * 4


SNIPPETS = st.lists(
    st.sampled_from([code + "\n" for case in CASES for code in case[1:] if len(code) < 300]), max_size=6
)


@given(SNIPPETS, st.integers(0, 5))
def test_fingerprints_stay_when_lines_move(snippets: list[str], more: int) -> None:
    """Blank lines and comments above change positions and nothing else; a second file has other fingerprints."""
    code = "".join(snippets)
    before = REVIEWER.review("a.py", code).issues
    after = REVIEWER.review("a.py", "# a comment\n\n" * more + code).issues
    assert [issue.fingerprint for issue in after] == [issue.fingerprint for issue in before]
    assert [issue.line - 2 * more for issue in after] == [issue.line for issue in before]
    assert len({issue.fingerprint for issue in before}) == len(before)
    elsewhere = {issue.fingerprint for issue in REVIEWER.review("b.py", code).issues}
    assert elsewhere.isdisjoint(issue.fingerprint for issue in before)


def _check(path: str, content: str) -> None:
    """A review in which every issue is sound and lies within the file, or the error that says why there is none."""
    try:
        review = REVIEWER.review(path, content)
    except NotReviewed as error:
        assert error.reason
        return
    assert review.lines == count_lines(content)
    lines = content.split("\n")
    for issue in review.issues:
        assert 1 <= issue.line <= max(review.lines, 1)
        assert 1 <= issue.column <= max(len(lines[issue.line - 1]), 1)
        assert Issue.from_json(issue.to_json()) == issue
    places = [(issue.line, issue.column, issue.rule_id) for issue in review.issues]
    assert "\r" in content or places == sorted(places)


@given(st.text(), st.sampled_from(["a.py", "test_a.py", "", "a/__init__.py"]))
def test_any_text_is_reviewed_or_refused(content: str, path: str) -> None:
    """No other error, whatever the text."""
    _check(path, content)


@given(st.binary())
def test_any_decodable_bytes_are_reviewed_or_refused(data: bytes) -> None:
    """The same for what a file may hold."""
    content = decode(data)
    if content is not None:
        _check("a.py", content)


@given(
    SNIPPETS,
    st.integers(0, 400),
    st.integers(0, 8),
    st.text("()[]{}:=,.'\"#\\\n\t \r\x0c@*é日\U0001f600lambda", max_size=8),
)
@settings(max_examples=300)
def test_damaged_code_is_reviewed_or_refused(snippets: list[str], at: int, gone: int, new: str) -> None:
    """The same for real code with a piece cut out and another put in."""
    code = "".join(snippets)
    _check("a.py", code[:at] + new + code[at + gone :])


def test_the_standard_library_is_reviewed() -> None:
    """Nearly all of it, without any error; what is left out cannot be parsed."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [path for path in sorted(root.rglob("*.py")) if "site-packages" not in path.parts][::7]
    assert len(files) > 100
    refused = 0
    for path in files:
        content = decode(path.read_bytes())
        if content is None:
            continue
        try:
            review = REVIEWER.review(str(path.relative_to(root)), content)
        except NotReviewed as error:
            assert error.reason.startswith("cannot be parsed")
            refused += 1
            continue
        lines = content.split("\n")
        assert review.lines == count_lines(content)
        assert all(issue.column <= max(len(lines[issue.line - 1]), 1) for issue in review.issues)
    assert refused < len(files) / 50
