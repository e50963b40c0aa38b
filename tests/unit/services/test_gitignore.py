from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.services.gitignore import IgnoreRules

# Each line of rules, a path ("/" at the end: a folder), and what `git check-ignore` 2.39 says of it.
CASES = [
    ("*.pyc", "a.pyc", True),
    ("*.pyc", "deep/er/a.pyc", True),
    ("*.pyc", "a.py", None),
    ("build/", "build/", True),
    ("build/", "build", None),
    ("build/", "src/build/", True),
    ("/build", "build", True),
    ("/build", "src/build", None),
    ("doc/*.txt", "doc/a.txt", True),
    ("doc/*.txt", "doc/sub/a.txt", None),
    ("doc/*.txt", "src/doc/a.txt", None),
    ("**/logs", "logs/", True),
    ("**/logs", "a/b/logs/", True),
    ("logs/**/debug.log", "logs/debug.log", True),
    ("logs/**/debug.log", "logs/a/b/debug.log", True),
    ("logs/**", "logs/", None),
    ("logs/**", "logs/a", True),
    ("a/**/b/**/c", "a/x/b/y/b/z/c", True),
    ("a/**/b/**/c", "a/x/y/c", None),
    ("a/**/**/b", "a/b", True),
    ("**", "a", True),
    ("/**", "a/b", True),
    ("*", "a", True),
    ("**/", "a", None),
    ("**/", "a/", True),
    ("a**b", "axxb", True),
    ("a**b", "a/b", None),
    ("foo/***/bar", "foo/x/y/bar", True),
    ("?", "a", True),
    ("?", "ab", None),
    ("?", "é", None),
    ("??", "é", True),
    ("[ab]c", "bc", True),
    ("[!ab]c", "bc", None),
    ("[^ab]c", "xc", True),
    ("[a-c]", "b", True),
    ("[c-a]", "b", None),
    ("[c-a]", "c", True),
    ("[]-]x", "]x", True),
    ("[]-]x", "-x", True),
    ("[[:digit:]]", "7", True),
    ("[[:digit:][:upper:]_]x", "_x", True),
    ("[[:nope:]]", "n", None),
    ("[[:]", "[", True),
    ("[[:]", ":", True),
    ("[a", "[a", None),
    ("[\\]]", "]", True),
    ("a[/]b", "a/b", None),
    ("\\*", "*", True),
    ("\\*", "a", None),
    ("\\#a", "#a", True),
    ("\\!a", "!a", True),
    ("#a", "#a", None),
    ("a\\", "a", None),
    ("a\\", "a\\", None),
    ("a  ", "a", True),
    ("a\\ ", "a ", True),
    ("a\\\\ ", "a\\", True),
    ("\ta", "\ta", True),
    ("a\r", "a", True),
    ("\ufeffa", "a", True),
    ("", "a", None),
    ("/", "a/", None),
    ("!", "!", None),
    ("./a", "a", None),
    ("a//b", "a/b", None),
    ("*.log\n!keep.log", "keep.log", False),
    ("!keep.log\n*.log", "keep.log", True),
    ("*.log\n!keep.log\nkeep.*", "keep.log", True),
    ("logs/**\n!logs/keep", "logs/keep/", False),
    ("/*\n!/src", "src/", False),
    ("A", "a", None),
]


@pytest.mark.parametrize(("rules", "path", "expected"), CASES, ids=ascii)
def test_rules_decide_as_git_does(rules: str, path: str, expected: bool | None) -> None:
    """The last matching rule decides: ignored, brought back, or nothing said."""
    segments = path.removesuffix("/").encode().split(b"/")
    assert IgnoreRules(rules.encode()).decide(segments, is_folder=path.endswith("/")) is expected


@given(st.binary(max_size=80), st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4), st.booleans())
def test_any_file_of_rules_can_be_read(data: bytes, segments: list[bytes], is_folder: bool) -> None:
    """Whatever stands in the file, rules are made and decide."""
    assert IgnoreRules(data).decide(segments, is_folder=is_folder) in (True, False, None)


@given(st.lists(st.sampled_from("ab*?/["), max_size=12).map("".join))
def test_a_bare_exclamation_mark_turns_the_decision_round(pattern: str) -> None:
    """A pattern ignores what its negation brings back."""
    for path in (["a"], ["a", "b"], ["b", "a", "a"]):
        segments = [name.encode() for name in path]
        ignored = IgnoreRules(pattern.encode()).decide(segments, is_folder=True)
        kept = IgnoreRules(b"!" + pattern.encode()).decide(segments, is_folder=True)
        assert (ignored, kept) in ((None, None), (True, False))


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("rules", "segments"),
    [
        (b"*a" * 200 + b"*b", [b"a" * 255]),
        (b"*[ab]?" * 200 + b"c", [b"a" * 255]),
        (b"**/a/" * 200 + b"b", [b"a"] * 500),
        (b"**/*a*a*a*/" * 100 + b"b", [b"a" * 4] * 200),
    ],
    ids=["stars", "sets", "folders", "both"],
)
def test_hostile_patterns_are_matched_at_once(rules: bytes, segments: list[bytes]) -> None:
    """Patterns that send a backtracking matcher on a journey without end are answered."""
    assert IgnoreRules(rules).decide(segments, is_folder=False) is None
