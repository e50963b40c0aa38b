"""Every row that a service call changes is told in the audit trail: by its fields, or counted by table."""

from __future__ import annotations

import dataclasses
import inspect
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from tests.contract.bad_input_house import PASSWORD, House, call, furnished, good_arguments
from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain import json
from vibecore.domain.audit import AuditEvent
from vibecore.domain.changes import PERSONAL
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.schema import Table
from vibecore.domain.tables import TABLES
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.channels.protocol import DeliveryFailed
from vibecore.services.secretbox import SecretBox
from vibecore.testing.backends import Backends
from vibecore.testing.channels import TroubledChannel
from vibecore.testing.effects import START, FixedClock
from vibecore.testing.parity.machine import everything
from vibecore.testing.parity.services import public_methods

METHODS: Final = public_methods(Services(cast(Any, SimpleNamespace(effects=None))))
UNTOLD: Final = {
    ("auth", "authenticate"): "notes that a session is in use: nobody's doing, and up to a row for each request",
    ("api_keys", "authenticate"): "notes that a key is in use, likewise",
    **dict.fromkeys(
        (("notifications", name) for name in ("mark_read", "mark_unread", "mark_all_read", "delete")),
        "what somebody has read is nobody else's business; an administrator who does it is told as an override",
    ),
}
"""Methods that change rows without telling, and why."""
READERS: Final = frozenset(
    {
        ("analytics", "daily_project_stats"),
        ("analytics", "deployment_success_rate"),
        ("analytics", "project_file_stats"),
        ("analytics", "recent_activity"),
        ("analytics", "system_health"),
        ("analytics", "user_activity"),
        ("api_keys", "page"),
        ("audit", "page"),
        ("deployments", "environments"),
        ("deployments", "find"),
        ("deployments", "get"),
        ("deployments", "page"),
        ("deployments", "page_archived"),
        ("deployments", "read_logs"),
        ("deployments", "stream_logs"),
        ("deployments", "running"),
        ("emails", "request_change"),
        ("emails", "request_verification"),
        ("files", "children"),
        ("files", "export_tree"),
        ("files", "find"),
        ("files", "get"),
        ("files", "page"),
        ("files", "read"),
        ("files", "search"),
        ("files", "tree"),
        ("maintenance", "prepare_audit"),
        ("maintenance", "refresh_analytics"),
        ("notifications", "find_webhook"),
        ("notifications", "page"),
        ("notifications", "preferences"),
        ("notifications", "unread_count"),
        ("passwords", "request_reset"),
        ("projects", "find"),
        ("projects", "get"),
        ("projects", "members"),
        ("projects", "page"),
        ("projects", "search"),
        ("quality", "history"),
        ("reviews", "export_sarif"),
        ("reviews", "find"),
        ("reviews", "get"),
        ("reviews", "latest"),
        ("reviews", "page"),
        ("second_factors", "status"),
        ("sessions", "page"),
        ("tests", "find"),
        ("tests", "get"),
        ("tests", "page"),
        ("users", "find"),
        ("users", "find_by_email"),
        ("users", "get"),
        ("users", "page"),
        ("users", "unlock"),
    }
)
"""Methods that change no row of any table but the audit trail and the throttles."""


def _ready(house: House, clock: FixedClock, service: str, method: str) -> dict[str, Any]:
    """What has to happen before the call, so that it changes something; arguments in the place of the usual."""
    vibe, mine = house.vibe, house.mine
    match service, method:
        case "projects", "restore":
            vibe.projects.archive(mine.actor, house.empty)
            return {"project_id": house.empty}
        case "users", "enable":
            vibe.users.disable(house.admin, house.member)
        case "sessions", "revoke_others":
            vibe.auth.login(email="ada@example.org", password=PASSWORD)
        case "second_factors", "reset":
            return {"user_id": house.guarded.user_id}
        case "second_factors", "rotate_keys":
            box = SecretBox([b"another key of exactly 32 bytes.", b"a public key of exactly 32 bytes"])
            house.vibe = Vibe(house.store, dataclasses.replace(vibe._work.effects, box=box))
        case "auth", "complete_enrolment":
            challenge = house.demand()
            secret = vibe.auth.begin_enrolment(challenge=challenge).secret
            return {"challenge": challenge, "code": house.code(secret)}
        case (("auth" | "api_keys"), "authenticate"):
            clock.move(seconds=600)
        case "maintenance", "archive_deployments":
            clock.move(days=2)
        case "notifications", "mark_unread":
            vibe.notifications.mark_all_read(house.admin)
        case "maintenance", "purge_notifications":
            vibe.notifications.mark_all_read(house.admin)
            clock.move(days=400)
        case "maintenance", "revive_deliveries":
            channels = (TroubledChannel(lambda message: DeliveryFailed("gone", temporary=False)),)
            house.vibe = Vibe(house.store, dataclasses.replace(vibe._work.effects, channels=channels))
            house.vibe.maintenance.deliver_notifications(house.system)
            return {"user_id": house.mine.actor.user_id}
        case "maintenance", "purge_sign_in":
            clock.move(days=400)
    return {}


class Rows:
    """Every committed row of every table but the trail and the throttles, and the events of the trail."""

    def __init__(self, store: Store) -> None:
        with store.begin(Mode.SNAPSHOT) as unit:
            self.events: dict[Any, AuditEvent] = {event.id: event for event in unit.audit.stream()}
            self.tables: dict[str, dict[Any, Any]] = {
                table.name: {row.id: row for row in everything(unit, table.name, table.scope)}
                for table in TABLES
                if table.name not in ("audit_logs", "throttles")
            }


def changed(before: Rows, after: Rows) -> Iterator[tuple[Table[Any], Any, Any]]:
    """(table, row before or None, row after or None) of each row that differs."""
    for table in TABLES:
        old, new = before.tables.get(table.name, {}), after.tables.get(table.name, {})
        for key in sorted({*old, *new}):
            if _facts(old.get(key)) != _facts(new.get(key)):
                yield table, old.get(key), new.get(key)


def _facts(row: Any) -> Any:
    """The row without its version, which moves with every update."""
    return None if row is None else dataclasses.replace(row, updated_at=START)


def untold(before: Rows, after: Rows) -> list[str]:
    """What the new audit rows do not tell of the rows that differ."""
    events = [event for key, event in after.events.items() if key not in before.events]
    gone = {old.id for _, old, new in changed(before, after) if new is None}
    counted: dict[tuple[str, str], int] = defaultdict(int)
    missing = []
    for table, old, new in changed(before, after):
        if table is NOTIFICATIONS and old is None:
            # A row that tells somebody of the change, as a mail does, and is no change that anybody asked for.
            continue
        row = old if new is None else new
        told = _told(events, row.id)
        if told:
            fields = {name for name in table.names if name not in ("id", "updated_at", table.scope)}
            wrong = set() if None in (old, new) else {f for f in fields if getattr(old, f) != getattr(new, f)} - {*told}
            missing += [f"{table.name}.{name}" for name in sorted(wrong)]
        elif new is not None or not any(getattr(old, each.field) in gone for each in table.references):
            counted[table.name, "inserted" if old is None else "deleted" if new is None else "updated"] += 1
    return missing + [
        f"{table}: {number} {kind}"
        for (table, kind), number in counted.items()
        if not _counts(events, table, kind, number)
    ]


def _told(events: list[AuditEvent], key: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for event in events:
        if event.resource_id == key:
            found |= event.details.get("changes", {})
        found |= event.details.get("others", {}).get(str(key), {})
    return found


def _counts(events: list[AuditEvent], table: str, kind: str, number: int) -> bool:
    told = [
        event.details["rows"][table][kind] for event in events if kind in event.details.get("rows", {}).get(table, {})
    ]
    return bool(told) and (None in told or sum(told) == number)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What imports read: a file that is new, and one that changes."""
    found = tmp_path_factory.mktemp("tree")
    (found / "src").mkdir()
    (found / "src" / "a.py").write_text("import json\n")
    (found / "b.py").write_text("import os\n")
    return found


def lived(
    store: Store, clock: FixedClock, folder: Path, service: str, method: str, names: list[str]
) -> tuple[Rows, Rows]:
    """Every row before and after one call of the method that is right."""
    house = furnished(store, folder)
    replaced = _ready(house, clock, service, method)
    arguments = good_arguments(house, service, method, names) | replaced
    before = Rows(store)
    call(house.vibe, service, method, arguments)
    return before, Rows(store)


@pytest.mark.parametrize(
    ("service", "method", "signature"), METHODS, ids=[f"{service}.{method}" for service, method, _ in METHODS]
)
def test_every_row_that_a_call_changes_is_told(
    vibe_backends: Backends, folder: Path, service: str, method: str, signature: inspect.Signature
) -> None:
    """By its fields where it is the resource or another single row, else by number; what goes with a row that it
    refers to is not told again. Whether a method changes rows is seen, not believed."""
    clock = FixedClock()
    with vibe_backends["memory"].open(clock) as store:
        before, after = lived(store, clock, folder, service, method, list(signature.parameters)[1:])
    differs = any(changed(before, after))
    if (service, method) in READERS:
        assert not differs
    elif (service, method) in UNTOLD:
        assert differs
    else:
        assert differs, "changes nothing: name it among READERS, or give it arguments that fit"
        assert untold(before, after) == []


def test_the_trail_holds_no_secret_and_nobodys_name(vibe_backends: Backends, folder: Path) -> None:
    """Of a whole installation's rows: no hidden value of any row, no address and no name of a person, no content."""
    clock = FixedClock()
    with vibe_backends["memory"].open(clock) as store:
        house = furnished(store, folder)
        house.vibe.projects.update(
            house.mine.actor, house.mine.project, repository_url="https://u:hunter2@example.org/x"
        )
        house.vibe.users.update(
            house.admin, house.member, name="Bobby Tables", avatar_url="https://example.org/bob.png"
        )
        house.vibe.passwords.reset(token=house.links["reset-password"], password="a new long password")
        rows = Rows(store)
    trail = "\n".join(json.dumps(event.details) for event in rows.events.values())
    secret = {
        getattr(row, name)
        for table in TABLES
        for row in rows.tables.get(table.name, {}).values()
        for name in _hidden(table)
    }
    texts = {value for value in secret if isinstance(value, str) and len(value) > 3}
    assert len(texts) > 20
    assert not [text for text in (*texts, "hunter2", "Bobby", "bob.png", "import os") if text in trail]


def _hidden(table: Table[Any]) -> list[str]:
    fields = {field.name for field in dataclasses.fields(table.record) if not field.repr}
    return [name for name in table.names if name in fields or (table.name, name) in PERSONAL]
