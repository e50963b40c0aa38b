"""JSON Merge Patch: the examples of RFC 7396, appendix A, whose documents are objects, and what must hold for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.merging import merged


@pytest.mark.parametrize(
    ("document", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_rfc(document: dict[str, Any], patch: dict[str, Any], result: dict[str, Any]) -> None:
    """Each gives what the appendix says, and the document stays as it was."""
    before = repr(document)
    assert merged(document, patch) == result
    assert repr(document) == before


_VALUES = st.recursive(
    st.none() | st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner) | st.lists(inner)
)
_OBJECTS = st.dictionaries(st.sampled_from("abc"), _VALUES)


@given(_OBJECTS, _OBJECTS)
def test_a_patch_given_twice_changes_nothing_more(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """So that it can be repeated where an answer was lost."""
    once = merged(document, patch)
    assert merged(once, patch) == once
