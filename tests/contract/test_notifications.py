"""vibe.notifications and the outbox, on both backends."""

from __future__ import annotations

import base64
import hmac
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain import json
from vibecore.domain.actors import Actor
from vibecore.domain.deliveries import TRIES, DeliveryReport
from vibecore.domain.errors import InvalidValue, PermissionDenied, TransactionError
from vibecore.domain.notifications import Schedule
from vibecore.domain.webhooks import WebhookPolicy
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.channels.local import MemoryChannel
from vibecore.services.channels.protocol import Channel, DeliveryFailed
from vibecore.services.channels.webhook import WebhookChannel
from vibecore.testing.channels import TroubledChannel
from vibecore.testing.effects import FixedClock, fixed_effects

SYSTEM: Final = Actor.system("test")
TYPE: Final = "project.member.removed"
LOCAL: Final = WebhookPolicy(plain_http=True, private_addresses=True)


def opened(store: Store, clock: FixedClock, *channels: Channel) -> Vibe:
    return Vibe(store, replace(fixed_effects(clock=clock), channels=channels, webhooks=LOCAL))


def arrive(vibe: Vibe, name: str = "ada") -> Actor:
    vibe.auth.register(Actor.anonymous(), email=f"{name}@example.org", password="engine no. 9 runs", name=name)
    return vibe.auth.login(email=f"{name}@example.org", password="engine no. 9 runs").actor


def tell(vibe: Vibe, actor: Actor, title: str = "told", dedup_key: str | None = None) -> None:
    assert actor.user_id is not None
    data = {"project_id": UUID(int=7), "project": "engine"}
    vibe.notifications.tell(SYSTEM, [actor.user_id], type=TYPE, title=title, data=data, dedup_key=dedup_key)


def deliver(vibe: Vibe) -> DeliveryReport:
    return vibe.maintenance.deliver_notifications(SYSTEM)


def titles(channel: MemoryChannel) -> list[list[str]]:
    return [[item.title for item in message.items] for message in channel.messages]


def test_the_next_occurrence_renews_what_was_read(store: Store, clock: FixedClock) -> None:
    """One row: unread and counted on while unread, counted from 1 again after it was read."""
    vibe = opened(store, clock)
    ada = arrive(vibe)
    tell(vibe, ada, "first", "k")
    tell(vibe, ada, "second", "k")
    (row,) = vibe.notifications.page(ada).items
    assert (row.title, row.occurrences, vibe.notifications.unread_count(ada)) == ("second", 2, 1)
    assert vibe.notifications.mark_read(ada, [row.id]) == 1
    tell(vibe, ada, "third", "k")
    (again,) = vibe.notifications.page(ada, unread=True).items
    assert (again.id, again.title, again.occurrences) == (row.id, "third", 1)


def test_twenty_at_once_are_one_row_that_counts_twenty(store: Store, clock: FixedClock) -> None:
    vibe = opened(store, clock)
    ada = arrive(vibe)
    with ThreadPoolExecutor(20) as pool:
        for done in [pool.submit(tell, vibe, ada, "told", "k") for _ in range(20)]:
            done.result()
    (row,) = vibe.notifications.page(ada).items
    assert row.occurrences == 20


def test_what_is_rolled_back_tells_nobody(store: Store, clock: FixedClock) -> None:
    channel = MemoryChannel()
    vibe = opened(store, clock, channel)
    ada, bob = arrive(vibe), arrive(vibe, "bob")
    assert bob.user_id is not None
    project = vibe.projects.create(ada, name="engine")

    def doomed(tx: Services, user_id: UUID = bob.user_id) -> None:
        tx.projects.add_member(ada, project.id, user_id)
        tx.projects.update(ada, project.id, name="")

    with pytest.raises(InvalidValue):
        vibe.atomic(doomed)
    assert vibe.notifications.page(bob).items == ()
    assert deliver(vibe) == DeliveryReport()
    vibe.projects.add_member(ada, project.id, bob.user_id)
    vibe.projects.remove_member(ada, project.id, bob.user_id)
    told = {item.type for item in vibe.notifications.page(bob).items}
    assert told == {"project.member.added", "project.member.removed"}
    assert vibe.notifications.page(ada).items == ()


def test_one_sees_and_marks_one_s_own(store: Store, clock: FixedClock) -> None:
    vibe = opened(store, clock)
    ada, eve = arrive(vibe), arrive(vibe, "eve")
    tell(vibe, ada)
    (row,) = vibe.notifications.page(ada).items
    assert vibe.notifications.mark_read(eve, [row.id]) == 0
    with pytest.raises(PermissionDenied):
        vibe.notifications.page(eve, user_id=ada.user_id)
    assert vibe.notifications.unread_count(ada) == 1


def test_a_failure_holds_back_its_own_lane_only(store: Store, clock: FixedClock) -> None:
    """Later ones of that user wait, in order; another user and another channel do not."""
    failing: list[str] = ["first"]
    troubled = TroubledChannel(lambda m: DeliveryFailed("not now") if m.items[0].title in failing else None)
    other = MemoryChannel()
    vibe = opened(store, clock, troubled, other)
    ada, bob = arrive(vibe), arrive(vibe, "bob")
    for title in ("first", "second", "third"):
        tell(vibe, ada, title)
        clock.move(microseconds=1)
    tell(vibe, bob, "to bob")
    report = deliver(vibe)
    assert (report.dispatched, report.delivered, report.failed) == (4, 5, 1)
    assert titles(troubled) == [["to bob"]]
    failing.clear()
    clock.move(seconds=31)
    deliver(vibe)
    assert titles(troubled) == [["to bob"], ["first"], ["second"], ["third"]]


def test_what_fails_too_often_is_a_dead_letter_that_can_be_revived(store: Store, clock: FixedClock) -> None:
    broken = [True]
    channel = TroubledChannel(lambda m: DeliveryFailed("not now") if broken else None)
    vibe = opened(store, clock, channel)
    ada = arrive(vibe)
    assert ada.user_id is not None
    tell(vibe, ada)
    reports = []
    for _ in range(TRIES):
        reports.append(deliver(vibe))
        clock.move(days=1)
    assert [report.failed for report in reports] == [1] * (TRIES - 1) + [0]
    assert reports[-1].dead == 1
    assert deliver(vibe) == DeliveryReport()
    broken.clear()
    assert vibe.maintenance.revive_deliveries(SYSTEM, ada.user_id) == 1
    assert deliver(vibe).delivered == 1


def test_a_worker_that_dies_holds_what_it_claimed_until_its_lease_is_over(store: Store, clock: FixedClock) -> None:
    channel = TroubledChannel(lambda m: None)
    vibe = opened(store, clock, channel)
    ada = arrive(vibe)
    tell(vibe, ada)

    def die(message: object) -> None:
        raise KeyboardInterrupt

    channel.trouble = die
    with pytest.raises(KeyboardInterrupt):
        deliver(vibe)
    channel.trouble = lambda m: None
    assert deliver(vibe).delivered == 0
    clock.move(seconds=301)
    assert deliver(vibe).delivered == 1


def test_a_digest_is_one_message_at_the_end_of_the_day(store: Store, clock: FixedClock) -> None:
    """Nothing is lost or told twice, and what was read meanwhile is left out."""
    channel = MemoryChannel()
    vibe = opened(store, clock, channel)
    ada = arrive(vibe)
    vibe.notifications.set_preference(ada, type=TYPE, channel="memory", schedule=Schedule.DAILY)
    for title in ("one", "two", "three"):
        clock.move(seconds=1)
        tell(vibe, ada, title)
        deliver(vibe)
    assert channel.messages == ()
    read = next(item for item in vibe.notifications.page(ada).items if item.title == "two")
    vibe.notifications.mark_read(ada, [read.id])
    clock.move(days=1)
    assert deliver(vibe).items == 2
    assert titles(channel) == [["one", "three"]]
    clock.move(days=1)
    assert deliver(vibe) == DeliveryReport()


def test_eight_workers_tell_each_once_and_in_order(store: Store, clock: FixedClock) -> None:
    channel = MemoryChannel(most=10_000)
    vibe = opened(store, clock, channel)
    people = [arrive(vibe, f"p{number}") for number in range(6)]
    for number in range(8):
        for person in people:
            tell(vibe, person, str(number))
        clock.move(microseconds=1)
    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(deliver, vibe) for _ in range(8)]:
            done.result()
    deliver(vibe)
    for person in people:
        mine = [m.items[0].title for m in channel.messages if m.recipient.user.id == person.user_id]
        assert mine == [str(number) for number in range(8)]


def test_no_network_inside_a_transaction(store: Store, clock: FixedClock) -> None:
    vibe = opened(store, clock)
    with pytest.raises(TransactionError), vibe.transaction() as tx:
        tx.maintenance.deliver_notifications(SYSTEM)


@contextmanager
def receiver(*answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that gives these answers in turn, the last for good, and what it got."""
    got: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = answers[min(len(got), len(answers)) - 1]
            if status == 0:
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Not to the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_is_signed_and_its_id_stays(store: Store, clock: FixedClock) -> None:
    """Tried again after a 500, a connection that dies, a redirect and a 429, which is not tried before it allows it."""
    vibe = opened(store, clock, WebhookChannel(LOCAL))
    ada = arrive(vibe)
    answers = [
        (500, {}),
        (0, {}),
        (302, {"location": "http://127.0.0.1:1/"}),
        (429, {"retry-after": "7200"}),
        (204, {}),
    ]
    with receiver(*answers) as (url, got):
        created = vibe.notifications.set_webhook(ada, url=url)
        tell(vibe, ada)
        for _ in range(3):
            assert deliver(vibe).failed == 1
            clock.move(hours=1)
        assert deliver(vibe).failed == 1
        clock.move(hours=1.9)
        assert deliver(vibe) == DeliveryReport()
        clock.move(hours=0.2)
        assert deliver(vibe).delivered == 1
    assert len({headers["webhook-id"] for headers, _ in got}) == 1
    assert len(got) == 5
    key = base64.b64decode(created.secret.removeprefix("whsec_"))
    for headers, body in got:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        mac = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{mac}"
    assert json.loads(got[-1][1])["data"]["title"] == "told"  # type: ignore[index,call-overload]
    assert created.secret not in repr(created)
    with store.begin(Mode.SNAPSHOT) as tx:
        trail = "".join(json.dumps(event.details) for event in tx.audit.stream())
    assert created.secret not in trail
    assert "/hook" not in trail


def test_gone_is_the_end(store: Store, clock: FixedClock) -> None:
    vibe = opened(store, clock, WebhookChannel(LOCAL))
    ada = arrive(vibe)
    with receiver((410, {})) as (url, _):
        vibe.notifications.set_webhook(ada, url=url)
        tell(vibe, ada)
        assert deliver(vibe).dead == 1


def test_a_name_with_a_private_address_is_not_called(store: Store, clock: FixedClock) -> None:
    """It is judged by its addresses at the delivery: a name that was let through at first gets nothing."""
    strict = WebhookChannel(WebhookPolicy(plain_http=True))
    vibe = opened(store, clock, strict)
    ada = arrive(vibe)
    with receiver((204, {})) as (url, got):
        vibe.notifications.set_webhook(ada, url=url.replace("127.0.0.1", "localhost"))
        tell(vibe, ada)
        assert deliver(vibe).failed == 1
    assert got == []
