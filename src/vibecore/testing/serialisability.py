"""Whether a history of concurrent transactions is serialisable: the outcome of some order, one after the other.

The method is that of Elle (Kingsbury and Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations",
VLDB 2020) on Adya's dependency graphs. Since objects only grow and every value is appended once, reads tell who came
before whom:

- ww: of two appends to a list, the one that stands before the other was first;
- wr: who sees a value came after who appended it;
- rw: who does not see a value that was committed came before who appended it.

Where the three contradict one another there is a cycle, and no order exists. A history without anomalies is
serialisable as far as its reads tell: what nobody read proves nothing, so end one with reads of everything.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final, TypeAlias

from vibecore.testing.histories import Append, Key, Outcome, Read, Transaction, Value


class Kind(StrEnum):
    """Anomalies by their names in the literature (Adya 1999; Berenson et al. 1995)."""

    INTERNAL = "internal"
    """A transaction did not see what it had seen or appended itself, or saw what it had yet to append."""
    UNWRITTEN = "unwritten"
    """A value was read that nobody appended, or one twice."""
    ABORTED_READ = "G1a"
    INTERMEDIATE_READ = "G1b"
    INCOMPATIBLE_ORDER = "incompatible order"
    """Two reads of a list of which neither is the beginning of the other, or one transaction's appends turned round."""
    WRITE_CYCLE = "G0"
    CIRCULAR_FLOW = "G1c"
    LOST_UPDATE = "lost update"
    """Transactions that read one object and then appended to it, each without seeing the other."""
    SINGLE = "G-single"
    """A cycle with one rw: read skew."""
    ANTI_DEPENDENCY = "G2"
    """A cycle with more than one rw: write skew."""


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What cannot be in any order of transactions: the numbers of those concerned, and why."""

    kind: Kind
    transactions: tuple[int, ...]
    reason: str


Label: TypeAlias = tuple[str, Key]
Graph: TypeAlias = dict[int, dict[int, set[Label]]]
WW, WR, RW, RT = "ww", "wr", "rw", "rt"
_STEPS: Final[tuple[tuple[Kind, frozenset[str]], ...]] = (
    (Kind.WRITE_CYCLE, frozenset({WW, RT})),
    (Kind.CIRCULAR_FLOW, frozenset({WW, WR, RT})),
)


def check(transactions: Sequence[Transaction], *, realtime: bool = False) -> tuple[Anomaly, ...]:
    """The anomalies of a history: none where an order exists; of cycles, the gravest of each tangle.

    With `realtime` the order has to agree with the clock, too (strict serialisability): who began after another ended
    comes after it. ValueError where a value is appended twice to one object, for such a history tells nothing.
    """
    history = _History(transactions)
    found = [*history.internal(), *history.dirty(), *history.orders()]
    graph = history.graph(realtime=realtime)
    found += [_cycle(graph, tangle, history) for tangle in _tangles(graph)]
    return tuple(found)


class _History:
    """A history with what is known of each value."""

    def __init__(self, transactions: Sequence[Transaction]) -> None:
        self.writers: dict[tuple[Key, Value], Transaction] = {}
        self.last: dict[tuple[int, Key], Value] = {}
        for transaction in transactions:
            for operation in transaction.operations:
                if isinstance(operation, Append):
                    place = operation.key, operation.value
                    if place in self.writers:
                        raise ValueError(f"{operation.value!r} is appended twice to {operation.key!r}")
                    self.writers[place] = transaction
                    self.last[transaction.number, operation.key] = operation.value
        seen = {
            (read.key, value)
            for transaction in transactions
            if transaction.outcome is Outcome.COMMITTED
            for read in _reads(transaction)
            for value in read.values
        }
        # A COMMIT without an answer happened if somebody saw it.
        self.happened = [
            each
            for each in transactions
            if each.outcome is Outcome.COMMITTED
            or (
                each.outcome is Outcome.UNKNOWN and any((append.key, append.value) in seen for append in _appends(each))
            )
        ]
        self.by_number = {each.number: each for each in self.happened}
        self.reads = [(each, read) for each in self.happened for read in _external(each)]
        self.order = self._longest()

    def internal(self) -> Iterator[Anomaly]:
        """Reads that disagree with what the same transaction did before."""
        for transaction in self.happened:
            known: dict[Key, tuple[Value, ...]] = {}
            own: dict[Key, list[Value]] = defaultdict(list)
            later = {(append.key, append.value) for append in _appends(transaction)}
            for operation in transaction.operations:
                key = operation.key
                if isinstance(operation, Append):
                    own[key].append(operation.value)
                    later.discard((key, operation.value))
                    if key in known:
                        known[key] = (*known[key], operation.value)
                    continue
                values = operation.values
                expected = known.get(key, values)
                tail = values[len(values) - len(own[key]) :]
                same = values == expected and tail == tuple(own[key])
                if not operation.ordered:
                    same = set(values) == set(expected) and set(own[key]) <= set(values)
                if not same or any((key, value) in later for value in values):
                    yield Anomaly(
                        Kind.INTERNAL,
                        (transaction.number,),
                        f"read {values!r} of {key!r} after {own[key]!r} of its own",
                    )
                known[key] = values

    def dirty(self) -> Iterator[Anomaly]:
        """Reads of what was never there, was undone, or was not finished."""
        for transaction, read in ((each, read) for each in self.happened for read in _reads(each)):
            mine = transaction.number
            if len(set(read.values)) < len(read.values):
                yield Anomaly(Kind.UNWRITTEN, (mine,), f"{read.key!r} holds something twice: {read.values!r}")
            for value in read.values:
                writer = self.writers.get((read.key, value))
                if writer is None:
                    yield Anomaly(Kind.UNWRITTEN, (mine,), f"nobody appended {value!r} to {read.key!r}")
                elif writer.number not in self.by_number:
                    reason = f"{value!r} in {read.key!r} was undone"
                    yield Anomaly(Kind.ABORTED_READ, (writer.number, mine), reason)
            yield from self._unfinished(mine, read)

    def _unfinished(self, mine: int, read: Read) -> Iterator[Anomaly]:
        """What others appended in one transaction is seen whole or not at all."""
        seen = set(read.values)
        writers = {each.number: each for value in read.values if (each := self.writers.get((read.key, value)))}
        for number, writer in sorted(writers.items()):
            missing = [each.value for each in _appends(writer) if each.key == read.key and each.value not in seen]
            if number != mine and missing:
                yield Anomaly(
                    Kind.INTERMEDIATE_READ, (number, mine), f"{read.key!r} was seen without {missing!r} of the same"
                )

    def orders(self) -> Iterator[Anomaly]:
        """Lists that grew in two ways."""
        for transaction, read in self.reads:
            if read.ordered and read.values != self.order[read.key][: len(read.values)]:
                reason = f"{read.key!r} was {read.values!r} and {self.order[read.key]!r}"
                yield Anomaly(Kind.INCOMPATIBLE_ORDER, (transaction.number,), reason)
        for key, values in self.order.items():
            place = {value: position for position, value in enumerate(values)}
            for writer in self.happened:
                own = [place[each.value] for each in _appends(writer) if each.key == key and each.value in place]
                if own != sorted(own):
                    reason = f"{key!r} does not hold in its order what it appended: {values!r}"
                    yield Anomaly(Kind.INCOMPATIBLE_ORDER, (writer.number,), reason)

    def graph(self, *, realtime: bool) -> Graph:
        """Who came before whom, and why."""
        graph: Graph = {each.number: {} for each in self.happened}

        def edge(before: Transaction, after: Transaction, label: Label) -> None:
            if before.number != after.number and before.number in graph and after.number in graph:
                graph[before.number].setdefault(after.number, set()).add(label)

        for key, values in self.order.items():
            writers = [writer for value in values if (writer := self.writers.get((key, value))) is not None]
            for first, second in pairwise(writers):
                edge(first, second, (WW, key))
        appended: dict[Key, list[tuple[Value, Transaction]]] = defaultdict(list)
        for (key, value), writer in self.writers.items():
            appended[key].append((value, writer))
        for reader, read in self.reads:
            seen = set(read.values)
            for value, writer in appended[read.key]:
                if value in seen:
                    edge(writer, reader, (WR, read.key))
                else:
                    edge(reader, writer, (RW, read.key))
        if realtime:
            for before, after in _in_time(self.happened):
                edge(before, after, (RT, None))
        return graph

    def _longest(self) -> dict[Key, tuple[Value, ...]]:
        longest: dict[Key, tuple[Value, ...]] = defaultdict(tuple)
        for _, read in self.reads:
            if read.ordered and len(read.values) > len(longest[read.key]):
                longest[read.key] = read.values
        return longest


def _reads(transaction: Transaction) -> Iterator[Read]:
    return (each for each in transaction.operations if isinstance(each, Read))


def _appends(transaction: Transaction) -> Iterator[Append]:
    return (each for each in transaction.operations if isinstance(each, Append))


def _external(transaction: Transaction) -> Iterator[Read]:
    """Reads without what the transaction had appended itself: what it saw of others."""
    own: set[tuple[Key, Value]] = set()
    for operation in transaction.operations:
        if isinstance(operation, Append):
            own.add((operation.key, operation.value))
        else:
            values = tuple(value for value in operation.values if (operation.key, value) not in own)
            yield Read(operation.key, values, operation.ordered)


def _in_time(transactions: Iterable[Transaction]) -> Iterator[tuple[Transaction, Transaction]]:
    """Pairs of which one ended before the other began; those that follow from others are left out."""
    moments = sorted(
        [(each.began, True, each) for each in transactions] + [(each.ended, False, each) for each in transactions],
        key=lambda moment: moment[0],
    )
    frontier: list[Transaction] = []
    for _, begins, transaction in moments:
        if begins:
            yield from ((before, transaction) for before in frontier)
        else:
            frontier = [each for each in frontier if each.ended >= transaction.began] + [transaction]


def _tangles(graph: Graph) -> list[set[int]]:
    """Strongly connected components of more than one transaction (Tarjan, without recursion)."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    found: list[set[int]] = []
    for root in graph:
        if root in index:
            continue
        work = [(root, iter(graph[root]))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            node, successors = work[-1]
            following = next(successors, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    component: set[int] = set()
                    while node not in component:
                        component.add(stack.pop())
                    on_stack -= component
                    if len(component) > 1:
                        found.append(component)
            elif following not in index:
                index[following] = low[following] = len(index)
                stack.append(following)
                on_stack.add(following)
                work.append((following, iter(graph[following])))
            elif following in on_stack:
                low[node] = min(low[node], index[following])
    return found


def _cycle(graph: Graph, tangle: set[int], history: _History) -> Anomaly:
    """The gravest anomaly of a tangle, shown by its shortest cycle."""
    for kind, labels in _STEPS:
        found = _shortest(graph, tangle, labels)
        if found is not None:
            return _anomaly(kind, graph, found, labels)
    flow = frozenset({WW, WR, RT})
    every = frozenset({WW, WR, RW, RT})
    single = _shortest(graph, tangle, flow, closing=RW)
    cycle = single or _shortest(graph, tangle, every)
    assert cycle is not None
    kind = Kind.SINGLE if single is not None else Kind.ANTI_DEPENDENCY
    if _is_lost_update(graph, cycle, history):
        kind = Kind.LOST_UPDATE
    return _anomaly(kind, graph, cycle, every)


def _shortest(
    graph: Graph, tangle: set[int], labels: Collection[str], *, closing: str | None = None
) -> tuple[int, ...] | None:
    """The shortest cycle of edges with these labels, or with one more edge that has the label `closing`."""
    best: tuple[int, ...] | None = None
    for start in sorted(tangle):
        if closing is None:
            found = _path(graph, tangle, labels, start, start)
        else:
            # The closing edge leads from `start` to where the path back begins.
            ways = (
                _path(graph, tangle, labels, after, start)
                for after, why in graph[start].items()
                if after in tangle and any(label == closing for label, _ in why)
            )
            backs = [way for way in ways if way is not None]
            found = min(((start, *way[:-1]) for way in backs), key=len, default=None)
        if found is not None and (best is None or len(found) < len(best)):
            best = found
    return best


def _path(graph: Graph, tangle: set[int], labels: Collection[str], start: int, goal: int) -> tuple[int, ...] | None:
    """The shortest way of at least one edge; from `start`, without `goal` where the two are one."""
    came: dict[int, int] = {}
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        for after, why in graph[node].items():
            if after not in tangle or not any(label in labels for label, _ in why):
                continue
            if after == goal:
                way = [node]
                while way[-1] != start:
                    way.append(came[way[-1]])
                way.reverse()
                return tuple(way) if start == goal else (*way, goal)
            if after not in came and after != start:
                came[after] = node
                waiting.append(after)
    return None


def _is_lost_update(graph: Graph, cycle: tuple[int, ...], history: _History) -> bool:
    """Whether all in the cycle read one object and appended to it."""
    steps = [graph[before][after] for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True)]
    shared = set.intersection(*({key for label, key in why if label != RT} for why in steps))
    members = [history.by_number[number] for number in cycle]
    return any(
        all(
            any(read.key == key for read in _reads(each)) and any(append.key == key for append in _appends(each))
            for each in members
        )
        for key in shared
    )


def _anomaly(kind: Kind, graph: Graph, cycle: tuple[int, ...], labels: Collection[str]) -> Anomaly:
    steps = []
    for before, after in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
        label, key = min(((label, key) for label, key in graph[before][after] if label in labels), key=str)
        steps.append(f"{before} -{label} {key!r}-> {after}" if label != RT else f"{before} -before-> {after}")
    return Anomaly(kind, cycle, ", ".join(steps))
