"""The check of histories: every planted anomaly is found by its name, and nothing is found where an order exists."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.testing.histories import Append, History, Outcome, Read, Transaction
from vibecore.testing.serialisability import Kind, check


def ran(*transactions: Any) -> list[Transaction]:
    """Transactions one after the other: a list of operations, or (outcome, list)."""
    history = History()
    for each in transactions:
        outcome, operations = each if isinstance(each, tuple) else (Outcome.COMMITTED, each)
        attempt = history.begin()
        for operation in operations:
            if isinstance(operation, Append):
                attempt.append(operation.key, operation.value)
            else:
                attempt.read(operation.key, operation.values, ordered=operation.ordered)
        getattr(attempt, outcome.value)()
    return list(history.transactions)


def a(key: str, value: int) -> Append:
    return Append(key, value)


def r(key: str, *values: int) -> Read:
    return Read(key, values)


def s(key: str, *values: int) -> Read:
    return Read(key, values, ordered=False)


PLANTED: dict[str, tuple[Kind, list[Any]]] = {
    "write skew": (Kind.ANTI_DEPENDENCY, [[r("x"), r("y"), a("x", 1)], [r("x"), r("y"), a("y", 2)]]),
    "write skew of a predicate": (
        Kind.ANTI_DEPENDENCY,
        [[s("on", 1), a("off", 2)], [s("off"), a("on", 3)], [a("on", 1)]],
    ),
    "lost update": (Kind.LOST_UPDATE, [[r("x"), a("x", 1)], [r("x"), a("x", 2)], [r("x", 1)]]),
    "lost update in order": (Kind.LOST_UPDATE, [[r("x"), a("x", 1)], [r("x"), a("x", 2)], [r("x", 1, 2)]]),
    "G0": (Kind.WRITE_CYCLE, [[a("x", 1), a("y", 1)], [a("x", 2), a("y", 2)], [r("x", 1, 2)], [r("y", 2, 1)]]),
    "G1a": (Kind.ABORTED_READ, [(Outcome.ABORTED, [a("x", 1)]), [r("x", 1)]]),
    "G1b": (Kind.INTERMEDIATE_READ, [[a("x", 1), a("x", 2)], [r("x", 1)]]),
    "G1c": (Kind.CIRCULAR_FLOW, [[a("x", 1), r("y", 2)], [a("y", 2), r("x", 1)]]),
    "G-single": (Kind.SINGLE, [[a("x", 1), a("y", 2)], [r("x", 1), r("y")]]),
    "G-single through a third": (
        Kind.SINGLE,
        [[a("x", 1)], [r("x", 1), a("y", 2)], [r("y", 2), r("z"), a("w", 3)], [r("w", 3), r("x")]],
    ),
    "long fork": (Kind.ANTI_DEPENDENCY, [[a("x", 1)], [a("y", 2)], [r("x", 1), r("y")], [r("x"), r("y", 2)]]),
    "internal: own append": (Kind.INTERNAL, [[a("x", 1), r("x")]]),
    "internal: the future": (Kind.INTERNAL, [[s("x", 1), a("x", 1)]]),
    "internal: unrepeatable": (Kind.INTERNAL, [[r("x"), r("x", 1)], [a("x", 1)]]),
    "unwritten": (Kind.UNWRITTEN, [[r("x", 7)]]),
    "twice": (Kind.UNWRITTEN, [[a("x", 1)], [r("x", 1, 1)]]),
    "turned round": (Kind.INCOMPATIBLE_ORDER, [[a("x", 1), a("x", 2)], [r("x", 2, 1)]]),
    "two orders": (Kind.INCOMPATIBLE_ORDER, [[a("x", 1)], [a("x", 2)], [r("x", 1, 2)], [r("x", 2, 1)]]),
}


@pytest.mark.parametrize(("kind", "transactions"), PLANTED.values(), ids=PLANTED)
def test_a_planted_anomaly_is_found_by_its_name(kind: Kind, transactions: list[Any]) -> None:
    """And is told with the transactions that it is made of."""
    found = check(ran(*transactions))
    assert kind in {anomaly.kind for anomaly in found}, found
    assert all(anomaly.reason and set(anomaly.transactions) <= set(range(len(transactions))) for anomaly in found)


@pytest.mark.parametrize(
    "transactions",
    [
        [],
        [[a("x", 1), r("x", 1), a("x", 2), r("x", 1, 2)], [r("x", 1, 2)]],
        [[r("x", 1)], [a("x", 1)]],
        [(Outcome.ABORTED, [r("x", 9), a("x", 1)]), [r("x")]],
        [(Outcome.UNKNOWN, [a("x", 1)]), [r("x")]],
        [(Outcome.UNKNOWN, [a("x", 1)]), [r("x", 1)]],
        [[s("x", 2, 1)], [a("x", 1)], [a("x", 2)], [s("x", 1)]],
        [[r("x"), a("y", 1)], [r("y", 1), a("x", 2)], [r("x", 2), r("y", 1)]],
    ],
)
def test_what_has_an_order_has_no_anomaly(transactions: list[Any]) -> None:
    """Whatever the clock says, with aborted transactions left out, and those whose COMMIT got no answer if unseen."""
    assert check(ran(*transactions)) == ()


def test_the_clock_counts_only_where_it_is_asked() -> None:
    """A stale read is serialisable and not strictly so."""
    stale = ran([a("x", 1)], [r("x")])
    assert check(stale) == ()
    (found,) = check(stale, realtime=True)
    assert (found.kind, set(found.transactions)) == (Kind.SINGLE, {0, 1})
    assert check(ran([a("x", 1)], [r("x", 1)], [a("y", 2)]), realtime=True) == ()


def test_a_commit_without_an_answer_is_judged_by_who_saw_it() -> None:
    """Seen once, it happened: then it has its place in the order."""
    transactions = [(Outcome.UNKNOWN, [a("x", 1), a("y", 2)]), [r("x", 1), r("y")]]
    assert [anomaly.kind for anomaly in check(ran(*transactions))] == [Kind.SINGLE]


def test_a_history_that_cannot_be_read_is_refused() -> None:
    """Where one value is appended twice nobody can tell whose append a read saw."""
    with pytest.raises(ValueError, match="twice"):
        check(ran([a("x", 1)], [a("x", 1)]))


def drawn_operations() -> st.SearchStrategy[list[Any]]:
    reads = st.builds(
        Read,
        st.sampled_from("xy"),
        st.lists(st.integers(0, 4), max_size=3, unique=True).map(tuple),
        st.booleans(),
    )
    return st.lists(reads | st.just("append").flatmap(lambda _: st.sampled_from("xy")), min_size=1, max_size=3)


@settings(max_examples=1500, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([Outcome.COMMITTED] * 4 + [Outcome.ABORTED]), drawn_operations()), max_size=5)
)
def test_it_agrees_with_trying_every_order(drawn: list[tuple[Outcome, list[Any]]]) -> None:
    """On small histories of every kind: no anomaly is found exactly where one of all orders gives what was read."""
    values = iter(range(100))
    history = ran(
        *(
            (outcome, [a(each, next(values)) if isinstance(each, str) else each for each in ops])
            for outcome, ops in drawn
        )
    )
    assert (check(history) == ()) is _has_an_order(history), check(history)


def _has_an_order(history: list[Transaction]) -> bool:
    happened = [each for each in history if each.outcome is Outcome.COMMITTED]
    return any(_fits(order) for order in permutations(happened))


def _fits(order: tuple[Transaction, ...]) -> bool:
    state: dict[Any, list[Any]] = {"x": [], "y": []}
    for transaction in order:
        for operation in transaction.operations:
            had = state[operation.key]
            if isinstance(operation, Append):
                had.append(operation.value)
                continue
            read = list(operation.values)
            if read != had and (operation.ordered or Counter(read) != Counter(had)):
                return False
    return True
