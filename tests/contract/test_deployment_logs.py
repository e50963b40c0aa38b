"""Logs of deployments: batches that may come twice, odd text, caps, the tail, following, and the end."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Any

import pytest

from tests.contract.deploying import LIVE, TO, Yard, race, won
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain import deployment_logs
from vibecore.domain.actors import Actor
from vibecore.domain.deployment_logs import LINE_LENGTH, TAIL_LINES, LogEntry, LogSource
from vibecore.domain.deployments import Deployment
from vibecore.domain.errors import (
    AlreadyExists,
    InvalidTransition,
    InvalidValue,
    NotFound,
    PermissionDenied,
    ReadOnlyProject,
    SerializationConflict,
    TransactionError,
)
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.deployments import following, logs
from vibecore.testing.effects import FixedClock

APPENDERS = 8


@pytest.fixture
def yard(store: Store, clock: FixedClock) -> Yard:
    return Yard(store, clock)


def numbered(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


# -- appending


def test_lines_are_numbered_without_gaps(yard: Yard) -> None:
    """From 1, over all batches, each with its stream and its time."""
    made = yard.create()
    then = yard.clock() - timedelta(hours=1)
    yard.append(made, ["one", LogEntry("two", LogSource.STDERR, then)])
    yard.clock.move(seconds=5)
    log = yard.append(made, [LogEntry("three", LogSource.SYSTEM)])
    assert (log.first_line, log.last_line, log.size_bytes, log.closed_at) == (1, 3, 11, None)
    page = yard.read(made)
    assert [(line.number, line.stream, line.text) for line in page.lines] == [
        (1, LogSource.STDOUT, "one"),
        (2, LogSource.STDERR, "two"),
        (3, LogSource.SYSTEM, "three"),
    ]
    assert [line.time for line in page.lines] == [yard.clock() - timedelta(seconds=5), then, yard.clock()]
    assert (page.next, page.dropped, page.more, page.ended) == (4, 0, False, False)


@pytest.mark.parametrize("size", [1, 20, 21, 2500])
def test_batches_of_any_size_arrive_whole(yard: Yard, size: int) -> None:
    """Whether they travel as statements or as COPY."""
    made = yard.create()
    for start in (1, size + 1):
        assert yard.append(made, numbered(start, start + size - 1), first=start).last_line == start + size - 1
    assert yard.texts(made) == numbered(1, 2 * size)


@pytest.mark.parametrize("size", [3, 1500])
def test_a_batch_that_comes_twice_is_there_once(yard: Yard, size: int) -> None:
    """Whole or in part, and with new lines behind it: what had arrived is not appended again."""
    made = yard.create()
    yard.append(made, numbered(1, size), first=1)
    with yard.store.begin(Mode.READ) as tx:
        before = tx.deployment_logs.get(yard.id, made.id)
    for again in (numbered(1, size), numbered(2, size), numbered(size, size)):
        assert yard.append(made, again, first=int(again[0])) == before
    assert yard.append(made, numbered(2, size + 2), first=2).last_line == size + 2
    assert yard.texts(made) == numbered(1, size + 2)


def test_a_batch_whose_answer_was_lost_is_acknowledged_after_the_end(yard: Yard) -> None:
    """All of it is there, so that nothing is lost; what is new is refused."""
    made = yard.create()
    log = yard.append(made, ["one", "two"], first=1)
    yard.step(made, TO.FAILED)
    assert yard.append(made, ["one", "two"], first=1).last_line == log.last_line
    with pytest.raises(InvalidTransition) as caught:
        yard.append(made, ["two", "three"], first=2)
    assert caught.value.kind == "deployment_log"
    assert yard.texts(made) == ["one", "two"]


def test_other_lines_under_numbers_that_are_taken_are_refused(yard: Yard) -> None:
    """Another text or another stream: two write with one counter."""
    made = yard.create()
    yard.append(made, ["one", "two"], first=1)
    others: list[list[str | LogEntry]] = [
        ["one", "zwei"],
        ["one", LogEntry("two", LogSource.STDERR)],
        ["two", "two", "three"],
    ]
    for other in others:
        with pytest.raises(AlreadyExists) as caught:
            yard.append(made, other, first=1)
        assert caught.value.constraint == "uq_deployment_log_lines_number"
    assert yard.texts(made) == ["one", "two"]


@pytest.mark.parametrize("first", [2, 1000, 2**31 - 1])
def test_no_gap_is_left(yard: Yard, first: int) -> None:
    """Whoever lost lines is told where to go on."""
    with pytest.raises(InvalidValue) as caught:
        yard.append(yard.create(), ["x"], first=first)
    assert (caught.value.field, caught.value.reason) == ("first", "leaves a gap: the next line is 1")


def test_an_empty_batch_writes_nothing(yard: Yard) -> None:
    """No log, no event."""
    made = yard.create()
    trail = yard.trail()
    assert yard.append(made, []).last_line == 0
    assert yard.trail() == trail
    with yard.store.begin(Mode.READ) as tx:
        assert tx.deployment_logs.find(yard.id, made.id) is None


def test_the_trail_tells_that_a_log_begins_and_quotes_no_line(yard: Yard) -> None:
    """One event for the first batch, none for the others: lines may hold what no trail may."""
    made = yard.create()
    trail = yard.trail()
    for text in ("s3cret-1", "s3cret-2"):
        yard.append(made, [text])
    yard.step(made, TO.FAILED)
    begun, ended = yard.trail()[len(trail) :]
    assert (begun.action, begun.resource_id) == ("deployment.log.begun", made.id)
    assert begun.details["rows"] == {"deployment_log_lines": {"inserted": 1}}
    assert "s3cret" not in f"{begun.details} {ended.details}"
    page = yard.read(made)
    assert "s3cret" not in f"{page!r} {LogEntry('s3cret')!r} {yard.fresh(made)!r}"


# -- odd text


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("plain\n", "plain"),
        ("windows\r\n", "windows"),
        ("50 %\r75 %\r", "50 %\r75 %\r"),
        ("", ""),
        ("\n", ""),
        (" a ", " a "),
        ("a\0b", "a\u2400b"),
        ("\ud800", "\ufffd"),
        ("\x1b[31mred\x1b[0m\x07", "\x1b[31mred\x1b[0m\x07"),
        ("\u2028 \x85 \x0b", "\u2028 \x85 \x0b"),
        ("x" * LINE_LENGTH, "x" * LINE_LENGTH),
        ("😀" * LINE_LENGTH, "😀" * LINE_LENGTH),
    ],
)
def test_text_of_processes_is_kept(yard: Yard, given: str, stored: str) -> None:
    """Line endings go, what no database can hold is replaced, escape sequences stay; again it is the same line."""
    made = yard.create()
    for _ in range(2):
        yard.append(made, [given], first=1)
    assert yard.texts(made) == [stored]


@pytest.mark.parametrize("length", [LINE_LENGTH + 1, 10_000, 3_000_000])
def test_an_overlong_line_is_cut_and_says_so(yard: Yard, length: int) -> None:
    """What is left and what it says was dropped add up."""
    made = yard.create()
    yard.append(made, ["x" * length])
    (text,) = yard.texts(made)
    kept = text.rstrip("x").index("[") if "[" in text else 0
    dropped = int(text[kept + 1 :].split()[0].replace(",", ""))
    assert len(text) <= LINE_LENGTH
    assert kept + dropped == length


@pytest.mark.parametrize("text", ["a\nb", "\n\n", "a\r\nb\r\n"])
def test_a_line_is_one_line(yard: Yard, text: str) -> None:
    """A line break within it is refused and named: lines are counted."""
    made = yard.create()
    with pytest.raises(InvalidValue) as caught:
        yard.append(made, ["fine", text])
    assert caught.value.field == "lines[1]"
    assert yard.texts(made) == []


# -- caps


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caps of 80 lines and 2,000 bytes: the rule is the same, whatever its figures."""
    for name, value in {"MOST_LINES": 80, "MOST_BYTES": 2000}.items():
        monkeypatch.setattr(logs, name, value)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("batch", [1, 7, 30, 200])
def test_a_log_keeps_its_newest_lines(yard: Yard, batch: int) -> None:
    """At most as many as the cap allows, at least seven eighths of it; a line says how many went before."""
    made = yard.create()
    for start in range(1, 401, batch):
        log = yard.append(made, numbered(start, min(start + batch - 1, 400)), first=start)
        assert log.last_line - log.first_line < 80
    assert 70 <= log.last_line - log.first_line + 1 <= 80
    marker, *kept = yard.texts(made)
    assert marker == f"[{log.first_line - 1:,} lines dropped]"
    assert kept == numbered(log.first_line, 400)
    with yard.store.begin(Mode.SNAPSHOT) as tx:
        assert tx.deployment_log_lines.count(yard.id) == len(kept)
    assert log.size_bytes == sum(map(len, kept))


@pytest.mark.usefixtures("small")
def test_a_log_is_capped_by_its_bytes_as_well(yard: Yard) -> None:
    """In UTF-8; even where one line alone is larger than all that is spared."""
    made = yard.create()
    for number in range(30):
        log = yard.append(made, ["é" * 100], first=number + 1)
        assert log.size_bytes <= 2000
    assert 8 <= log.last_line - log.first_line + 1 <= 10
    log = yard.append(made, ["x" * 1900, "y" * 1900])
    assert (log.first_line, log.last_line, log.size_bytes) == (33, 32, 0)
    log = yard.append(made, ["small"])
    assert yard.texts(made)[-1] == "small"
    assert (log.first_line, log.last_line, log.size_bytes) == (33, 33, 5)


@pytest.mark.usefixtures("small")
def test_a_batch_comes_twice_where_its_lines_were_dropped(yard: Yard) -> None:
    """What is gone cannot be compared, and is not appended again."""
    made = yard.create()
    yard.append(made, numbered(1, 200), first=1)
    log = yard.append(made, numbered(1, 200), first=1)
    assert log.last_line == 200
    assert yard.texts(made)[1:] == numbered(log.first_line, 200)


@pytest.mark.usefixtures("small")
def test_who_reads_what_was_dropped_is_told(yard: Yard) -> None:
    """`dropped` counts only what was asked for."""
    made = yard.create()
    first = yard.append(made, numbered(1, 200), first=1).first_line
    page = yard.read(made, 1, 10)
    assert (page.dropped, page.lines[0].number, page.more) == (first - 1, first, True)
    assert yard.read(made, first - 3, 10).dropped == 3
    assert yard.read(made, first, 10).dropped == 0


def test_the_caps_are_what_is_documented() -> None:
    """100,000 lines, 16 MiB, 8,192 characters, 10,000 lines at once; the tail 200 lines and 64 KiB."""
    assert (deployment_logs.MOST_LINES, deployment_logs.MOST_BYTES) == (100_000, 16 * 2**20)
    assert (LINE_LENGTH, deployment_logs.AT_ONCE, TAIL_LINES, deployment_logs.TAIL_BYTES) == (8192, 10_000, 200, 65_536)


# -- the end


def test_the_tail_is_folded_when_the_deployment_ends(yard: Yard) -> None:
    """The last 200 lines become `logs`, after one that tells how many came before; while it runs there are none."""
    made = yard.create()
    yard.append(made, numbered(1, 1000))
    building = yard.step(made, TO.BUILDING)
    assert building.logs is None
    ended = yard.step(made, TO.FAILED)
    assert ended.logs == ("[800 earlier lines, 0 of them dropped]", *numbered(801, 1000))
    assert yard.fresh(made) == ended
    with yard.store.begin(Mode.READ) as tx:
        assert tx.deployment_logs.get(yard.id, made.id).closed_at == ended.completed_at


def test_a_tail_of_long_lines_has_fewer(yard: Yard) -> None:
    """64 KiB of UTF-8 at most."""
    made = yard.create()
    yard.append(made, ["é" * 5000] * 10)
    tail = yard.step(made, TO.STOPPED).logs
    assert tail == ("[4 earlier lines, 0 of them dropped]", *["é" * 5000] * 6)


def test_a_short_log_is_folded_whole_and_none_stays_none(yard: Yard) -> None:
    """Without a line that tells of others."""
    silent, brief = yard.create(environment="a"), yard.create(environment="b")
    yard.append(brief, ["only"])
    assert yard.step(silent, TO.FAILED).logs is None
    assert yard.step(brief, TO.FAILED).logs == ("only",)


def test_who_makes_room_is_folded_too(yard: Yard) -> None:
    """The one that another one replaces, and the one that a rollback undoes: each end is one place."""
    first, second = yard.live("1"), yard.create("2")
    yard.append(first, ["of the first"])
    yard.append(second, ["of the second"])
    yard.step(second, *LIVE)
    assert yard.fresh(first).logs == ("of the first",)
    back = yard.step(yard.rollback(second), *LIVE)
    assert yard.fresh(second).logs == ("of the second",)
    assert yard.fresh(back).logs is None
    for ended in (first, second):
        with pytest.raises(InvalidTransition):
            yard.append(ended, ["late"])


def test_what_failed_and_is_rolled_back_keeps_its_tail(yard: Yard) -> None:
    """It ended when it failed."""
    yard.live("1")
    bad = yard.live("2")
    yard.append(bad, ["oops"])
    bad = yard.step(bad, TO.FAILED)
    yard.step(yard.rollback(bad), *LIVE)
    assert (yard.fresh(bad).status, yard.fresh(bad).logs) == (TO.ROLLED_BACK, ("oops",))


def test_a_log_goes_with_its_project_and_rests_with_it(yard: Yard) -> None:
    """An archived project's logs are read and not written; a deleted one's are gone."""
    made = yard.live("1")
    yard.append(made, ["one"])
    yard.vibe.projects.archive(yard.ada, yard.id)
    with pytest.raises(ReadOnlyProject):
        yard.append(made, ["two"])
    assert yard.texts(made) == ["one"]
    with yard.store.begin() as tx:
        tx.projects.delete(yard.id)
        assert tx.deployment_log_lines.count(yard.id) == 0
        tx.commit()
    with pytest.raises(NotFound):
        yard.read(made)


# -- reading and following


def test_a_log_is_read_by_page(yard: Yard) -> None:
    """Each page says where the next begins, and whether there is more, and whether more can come."""
    made = yard.create()
    yard.append(made, numbered(1, 25))
    found, first = [], 1
    while True:
        page = yard.read(made, first, 10)
        found += [line.text for line in page.lines]
        if not page.more:
            break
        first = page.next
    assert found == numbered(1, 25)
    assert not page.ended
    assert yard.read(made, 1, 0) == dataclasses.replace(page, lines=(), next=1, more=True)
    assert yard.read(made, 26, 10).lines == yard.read(made, 900, 10).lines == ()
    yard.step(made, TO.STOPPED)
    assert yard.read(made, 26, 10).ended


def test_a_log_without_lines_is_empty(yard: Yard) -> None:
    """It is no error; a deployment that is not there is one."""
    made = yard.create()
    page = yard.read(made)
    assert (page.lines, page.next, page.more, page.ended) == ((), 1, False, False)
    assert yard.texts(made) == []
    with pytest.raises(NotFound) as caught:
        yard.deployments.stream_logs(yard.ada, yard.id, yard.id)
    assert caught.value.facts == {"kind": "deployment", "key": yard.id}


class Waiting:
    """A wait in which something happens: no test sleeps."""

    def __init__(self, *events: Callable[[], Any]) -> None:
        self.events = list(events)
        self.waits: list[float] = []

    def sleep(self, seconds: float, /) -> None:
        self.waits.append(seconds)
        if self.events:
            self.events.pop(0)()

    def offload(self, call: Any, /, *args: Any, **kwargs: Any) -> Any:
        return call(*args, **kwargs)


def follower(yard: Yard, waiting: Waiting) -> Vibe:
    return Vibe(yard.store, dataclasses.replace(yard.effects, runtime=waiting))


def test_a_log_is_followed_while_it_grows(yard: Yard) -> None:
    """Lines come as they are appended; it ends when the deployment has ended and all is read."""
    made = yard.create()
    yard.append(made, ["one"])

    def end() -> None:
        yard.append(made, numbered(1, 1500))
        yard.step(made, TO.FAILED)

    waiting = Waiting(lambda: yard.append(made, ["two", "three"]), lambda: None, lambda: None, lambda: None, end)
    stream = follower(yard, waiting).deployments.stream_logs(yard.ada, yard.id, made.id, follow=True)
    assert [line.text for line in stream] == ["one", "two", "three", *numbered(1, 1500)]
    assert waiting.waits == [following.SOONEST, 0.25, 0.5, 1.0, following.LATEST]


def test_following_what_has_ended_does_not_wait(yard: Yard) -> None:
    """Nor is a log waited for without `follow`."""
    made = yard.create()
    waiting = Waiting()
    vibe = follower(yard, waiting)
    yard.append(made, ["one"])
    assert [line.text for line in vibe.deployments.stream_logs(yard.ada, yard.id, made.id)] == ["one"]
    yard.step(made, TO.FAILED)
    stream = vibe.deployments.stream_logs(yard.ada, yard.id, made.id, first=2, follow=True)
    assert list(stream) == []
    assert waiting.waits == []


def test_a_follower_who_loses_the_right_is_stopped(yard: Yard) -> None:
    """The right is asked for at each look."""
    made = yard.create()
    bob = yard.person("bob")
    assert bob.user_id is not None
    user_id = bob.user_id
    yard.vibe.projects.add_member(yard.ada, yard.id, user_id, role=UserRole.VIEWER)
    waiting = Waiting(lambda: yard.vibe.projects.remove_member(yard.ada, yard.id, user_id))
    stream = follower(yard, waiting).deployments.stream_logs(bob, yard.id, made.id, follow=True)
    with pytest.raises(NotFound):
        list(stream)


def test_nothing_stays_open_between_two_looks(yard: Yard) -> None:
    """A writer is held up by nobody who follows, and a follower sees what it wrote."""
    made = yard.create()
    stream = yard.deployments.stream_logs(yard.ada, yard.id, made.id, follow=True)
    for number in range(3):
        yard.append(made, [str(number)])
        assert [line.text for line in stream.advance()] == [str(number)]
    yard.step(made, TO.STOPPED)
    assert stream.advance() == ()
    assert stream.advance() == ()


def test_following_is_refused_where_one_moment_is_seen(yard: Yard) -> None:
    """Inside a transaction nothing new would ever come; reading what there is works."""
    made = yard.create()
    with yard.vibe.transaction() as tx:
        tx.deployments.append_logs(yard.ada, yard.id, made.id, ["one"])
        with pytest.raises(TransactionError):
            tx.deployments.stream_logs(yard.ada, yard.id, made.id, follow=True)
        assert [line.text for line in tx.deployments.stream_logs(yard.ada, yard.id, made.id)] == ["one"]


def test_following_as_the_system_is_audited_once(yard: Yard) -> None:
    """Not once for each look."""
    made = yard.create()
    yard.append(made, ["one"])
    before = len(yard.trail())
    waiting = Waiting(lambda: None, lambda: None, lambda: yard.step(made, TO.FAILED))
    stream = follower(yard, waiting).deployments.stream_logs(Actor.system("ops"), yard.id, made.id, follow=True)
    assert [line.text for line in stream] == ["one"]
    assert [event.action for event in yard.trail()[before:]].count("permission.overridden") == 1


# -- races


def test_appenders_at_once_lose_nothing_and_double_nothing(yard: Yard) -> None:
    """Each appends its own lines; numbers have no gaps, and the lines of a batch stay together."""
    made = yard.create()
    batches = [[f"{one}-{line}" for line in range(40)] for one in range(APPENDERS)]
    assert len(won(race(*(partial(yard.append, made, batch) for batch in batches)))) == APPENDERS
    texts = yard.texts(made)
    assert sorted(texts) == sorted(chain(*batches))
    assert [line.number for line in yard.read(made).lines] == list(range(1, len(texts) + 1))
    for batch in batches:
        start = texts.index(batch[0])
        assert texts[start : start + 40] == batch


def test_one_batch_given_by_many_at_once_is_there_once(yard: Yard) -> None:
    """A retry may overtake the call whose answer it waits for."""
    made = yard.create()
    outcomes = race(*(partial(yard.append, made, numbered(1, 30), first=1),) * APPENDERS)
    assert [log.last_line for log in won(outcomes)] == [30] * APPENDERS
    assert yard.texts(made) == numbered(1, 30)


def test_the_end_against_appenders(yard: Yard) -> None:
    """No line that was acknowledged is lost, none comes after the fold, and the fold has the last ones."""
    for round in range(4):
        made = yard.step(yard.create(environment=f"e{round}"), *LIVE)
        stop = threading.Event()
        acknowledged: list[list[str]] = [[] for _ in range(4)]

        def append(one: int, made: Deployment = made, kept: Any = acknowledged, stop: Any = stop) -> None:
            for number in range(200):
                text = f"{one}-{number}"
                try:
                    yard.append(made, [text])
                except SerializationConflict:  # after all its tries: not acknowledged
                    continue
                except InvalidTransition:
                    return
                kept[one].append(text)
                if number == 3:
                    stop.set()

        def end(made: Deployment = made, stop: threading.Event = stop) -> Deployment:
            stop.wait(60)
            while True:
                try:
                    return yard.deployments.transition(yard.ada, yard.id, made.id, TO.STOPPED, reason="over")
                except SerializationConflict:
                    continue

        with ThreadPoolExecutor(5) as pool:
            appended = [pool.submit(append, one) for one in range(4)]
            ended = pool.submit(end).result()
            for each in appended:
                each.result()
        texts = yard.texts(made)
        assert sorted(texts) == sorted(chain(*acknowledged))
        assert ended.logs is not None
        assert list(ended.logs[-min(len(texts), TAIL_LINES) :]) == texts[-TAIL_LINES:]


def test_a_denied_append_leaves_its_row_and_no_line(yard: Yard) -> None:
    """A viewer's."""
    made = yard.create()
    bob = yard.person("bob")
    assert bob.user_id is not None
    yard.vibe.projects.add_member(yard.ada, yard.id, bob.user_id, role=UserRole.VIEWER)
    with pytest.raises(PermissionDenied):
        yard.deployments.append_logs(bob, yard.id, made.id, ["x"])
    assert yard.trail()[-1].action == "permission.denied"
    assert yard.texts(made) == []


def test_a_failed_transaction_takes_its_lines_with_it(yard: Yard) -> None:
    """They are part of the unit of work like everything else."""
    made = yard.create()

    def run() -> None:
        with yard.vibe.transaction() as tx:
            tx.deployments.append_logs(yard.ada, yard.id, made.id, numbered(1, 50), first=1)
            tx.deployments.get(yard.ada, yard.id, yard.id)

    with pytest.raises(NotFound):
        run()
    assert yard.texts(made) == []
    assert yard.append(made, numbered(1, 3), first=1).last_line == 3
