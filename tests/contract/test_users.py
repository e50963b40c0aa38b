"""Accounts as administrators see them, and the attacks that belong to them, on every backend."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor, ActorKind
from vibecore.domain.api_keys import API_KEYS
from vibecore.domain.errors import (
    AuthenticationFailed,
    InvalidTransition,
    MissingReference,
    NotFound,
    PermissionDenied,
    ReauthenticationRequired,
    SerializationConflict,
    TransactionError,
    VibecoreError,
)
from vibecore.domain.filters import field
from vibecore.domain.notifications import NOTIFICATIONS
from vibecore.domain.permissions import Action
from vibecore.domain.projects import ProjectStatus
from vibecore.domain.recovery_codes import RECOVERY_CODES
from vibecore.domain.sessions import SUPERSEDED_TOKENS
from vibecore.domain.throttles import THROTTLES
from vibecore.domain.users import User, UserRole
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.services.tries import Counters, take
from vibecore.services.work import Work
from vibecore.testing.builders import make
from vibecore.testing.effects import FixedClock, fixed_effects
from vibecore.testing.parity.outcomes import outcome

PASSWORD: Final = "engine no. 9"
NOBODY: Final = UUID(int=2**100)
SYSTEM: Final = Actor.system("the tests")
THREADS: Final = 16


class Town:
    """An installation with an administrator, Root, who is signed in."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.store = store
        self.clock = clock
        self.effects = fixed_effects(clock=clock)
        self.vibe = Vibe(store, self.effects)
        self.root = self.admin("root")

    def admin(self, name: str) -> Actor:
        email = f"{name}@example.org"
        self.vibe.users.create_admin(SYSTEM, email=email, password=PASSWORD, name=name)
        return self.sign_in(name)

    def person(self, name: str) -> Actor:
        email = f"{name}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
        return self.sign_in(name)

    def sign_in(self, name: str) -> Actor:
        return self.vibe.auth.login(email=f"{name}@example.org", password=PASSWORD).actor

    def stored(self, actor: Actor) -> User | None:
        with self.store.begin(Mode.READ) as tx:
            return tx.users.find(id_of(actor))

    def sessions(self, actor: Actor) -> int:
        with self.store.begin(Mode.READ) as tx:
            return tx.sessions.count(id_of(actor))

    def admins(self) -> int:
        """How many can sign in and administer."""
        with self.store.begin(Mode.READ) as tx:
            return tx.users.count(where=field("role").eq(UserRole.ADMIN) & field("disabled_at").missing())

    def actions(self) -> list[str]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return [event.action for event in tx.audit.stream()]

    def details(self, action: str) -> dict[str, Any]:
        """Those of the only event of this name."""
        with self.store.begin(Mode.SNAPSHOT) as tx:
            (event,) = (event for event in tx.audit.stream() if event.action == action)
        return dict(event.details)

    def try_all(self, actor: Actor) -> list[UUID]:
        """One try for each thing that holds an account's user back; their ids."""
        user = self.stored(actor)
        assert user is not None
        counters, work = Counters(self.effects), Work(self.store, self.effects)
        for tries in (counters.account(user.email_key), counters.proof(user.id), counters.factor(user.id)):
            assert take(work, tries).allowed
        return list(counters.of_account(user))

    def throttles(self, ids: list[UUID]) -> int:
        with self.store.begin(Mode.READ) as tx:
            return len(tx.throttles.find_many(ids))


@pytest.fixture
def town(store: Store, clock: FixedClock) -> Town:
    return Town(store, clock)


def id_of(actor: Actor) -> UUID:
    assert actor.user_id is not None
    return actor.user_id


def key_of(actor: Actor) -> Actor:
    """An API key of the same user with every scope there is."""
    return Actor(kind=ActorKind.API_KEY, user_id=actor.user_id, role=actor.role, scopes=frozenset(Action))


def answered(call: Callable[[], object]) -> VibecoreError | None:
    """The error of a call that is repeated while others collide with it; None where it succeeded."""
    while True:
        try:
            call()
        except SerializationConflict:
            continue
        except VibecoreError as error:
            return error
        return None


def at_once(calls: list[Callable[[], object]]) -> list[VibecoreError | None]:
    """All calls at the same moment, each on a thread; the error of each."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> VibecoreError | None:
        start.wait()
        return answered(call)

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


Attack = Callable[[Vibe, Actor, UUID], object]
ATTACKS: Final[dict[str, Attack]] = {
    "demote": lambda vibe, actor, user_id: vibe.users.set_role(actor, user_id, role=UserRole.DEVELOPER),
    "disable": lambda vibe, actor, user_id: vibe.users.disable(actor, user_id),
    "delete": lambda vibe, actor, user_id: vibe.users.delete(actor, user_id),
}
EACH_ATTACK: Final = pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)


# -- roles


def test_a_change_of_role_ends_all_sessions(town: Town) -> None:
    """Also of who is promoted: the lifetime of a session depends on the role."""
    ada = town.person("ada")
    token = town.vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated.token
    for role in (UserRole.ADMIN, UserRole.VIEWER):
        town.sign_in("ada")
        assert town.vibe.users.set_role(town.root, id_of(ada), role=role).role is role
        assert town.sessions(ada) == 0
    with pytest.raises(AuthenticationFailed):
        town.vibe.auth.authenticate(token)
    assert town.sessions(town.root) == 1


def test_the_same_role_again_ends_no_session(town: Town) -> None:
    ada = town.person("ada")
    town.vibe.users.set_role(town.root, id_of(ada), role=UserRole.DEVELOPER)
    assert town.sessions(ada) == 1
    assert "user.role.changed" not in town.actions()


def test_a_change_of_role_that_is_undone_ends_no_session(town: Town) -> None:
    """The sessions end in the same unit of work."""
    ada = town.person("ada")
    with pytest.raises(ZeroDivisionError), town.vibe.transaction() as tx:  # noqa: PT012  # the end of the block raises
        tx.users.set_role(town.root, id_of(ada), role=UserRole.VIEWER)
        raise ZeroDivisionError
    assert town.sessions(ada) == 1


@pytest.mark.parametrize("role", UserRole)
def test_attack_nobody_promotes_themselves(town: Town, role: UserRole) -> None:
    """By no call that takes a role, nor by one that takes none."""
    ada, users = town.person("ada"), town.vibe.users
    calls: list[Callable[..., object]] = [
        lambda **more: users.update(ada, id_of(ada), **more),
        lambda **more: town.vibe.auth.register(
            Actor.anonymous(), email="eve@example.org", password=PASSWORD, name="Eve", **more
        ),
    ]
    for call in calls:
        with pytest.raises(TypeError, match="role"):
            call(role=role)
    for actor in (ada, key_of(ada), key_of(town.root), Actor.anonymous()):
        with pytest.raises(PermissionDenied):
            users.set_role(actor, id_of(ada), role=role)
    stored = town.stored(ada)
    assert stored is not None
    assert stored.role is UserRole.DEVELOPER


def test_administrators_find_users_by_address(town: Town) -> None:
    """In whatever case; others are denied for an address that exists as for one that does not."""
    ada = town.person("ada")
    found = town.vibe.users.find_by_email(town.root, "ADA@Example.org")
    assert found is not None
    assert found.id == ada.user_id
    assert town.vibe.users.find_by_email(town.root, "nobody@example.org") is None
    for actor in (ada, key_of(ada), Actor.anonymous()):
        for address in ("ada@example.org", "root@example.org", "nobody@example.org"):
            with pytest.raises(PermissionDenied):
                town.vibe.users.find_by_email(actor, address)


# -- the last administrator


@EACH_ATTACK
def test_attack_the_last_administrator_stays_whoever_asks(town: Town, attack: Attack) -> None:
    """Root, the system, and an administrator who has been disabled since, to whom an old actor is left."""
    other = town.admin("other")
    town.vibe.users.disable(town.root, id_of(other))
    for actor in (town.root, SYSTEM, other):
        with pytest.raises(InvalidTransition, match="last administrator"):
            attack(town.vibe, actor, id_of(town.root))
    assert town.admins() == 1
    assert town.vibe.auth.login(email="root@example.org", password=PASSWORD).actor.role is UserRole.ADMIN


@EACH_ATTACK
def test_attack_two_administrators_at_the_same_moment(town: Town, attack: Attack) -> None:
    """Sixteen calls, of each against the other: one of the two stays."""
    other = town.admin("other")
    sides = [(town.root, id_of(other)), (other, id_of(town.root))]
    calls = [lambda side=side: attack(town.vibe, *side) for side in sides * (THREADS // 2)]
    errors = at_once(calls)  # type: ignore[arg-type]
    assert town.admins() == 1
    assert None in errors
    assert any(isinstance(error, InvalidTransition) for error in errors)
    assert {type(error) for error in errors} <= {type(None), InvalidTransition, NotFound}


def test_attack_a_ring_of_administrators(town: Town) -> None:
    """Sixteen, each of whom demotes, disables or deletes the next at the same moment: exactly one is left."""
    ring = [town.root, *(town.admin(f"a{number}") for number in range(THREADS - 1))]
    attacks = list(ATTACKS.values())
    calls = [
        lambda number=number, actor=actor: attacks[number % 3](town.vibe, actor, id_of(ring[(number + 1) % THREADS]))
        for number, actor in enumerate(ring)
    ]
    errors = [error for error in at_once(calls) if error is not None]  # type: ignore[arg-type]
    assert [type(error) for error in errors] == [InvalidTransition]
    assert town.admins() == 1


# -- deleting


def test_deleting_ones_own_account(town: Town) -> None:
    """What belonged to it goes, what it did stays told, and the address is free."""
    ada, bob = town.person("ada"), town.person("bob")
    project = town.vibe.projects.create(bob, name="engine")
    town.vibe.projects.add_member(bob, project.id, id_of(ada))
    with town.store.begin() as tx:
        make(tx, API_KEYS, user_id=id_of(ada))
        make(tx, RECOVERY_CODES, user_id=id_of(ada))
        make(tx, NOTIFICATIONS, user_id=id_of(ada))
        make(tx, SUPERSEDED_TOKENS, user_id=id_of(ada), session_id=ada.session_id)
        tx.commit()
    held = town.try_all(ada)
    before = town.actions()
    town.vibe.users.delete(ada, id_of(ada))
    with town.store.begin(Mode.SNAPSHOT) as tx:
        assert tx.users.find(id_of(ada)) is None
        for table in (tx.sessions, tx.superseded_tokens, tx.api_keys, tx.recovery_codes, tx.notifications):
            assert table.count(id_of(ada)) == 0
        assert tx.members.count(project.id) == 0
        assert tx.projects.get(project.id).owner_id == bob.user_id
        (event,) = (event for event in tx.audit.stream() if event.action == "user.deleted")
    assert (event.user_id, event.resource_id) == (ada.user_id, ada.user_id)
    assert event.details["changes"]["role"] == ["developer", None]
    assert sorted(town.actions()) == sorted([*before, "user.deleted"])
    assert town.throttles(held) == 0
    with pytest.raises(AuthenticationFailed):
        town.sign_in("ada")
    assert town.person("ada").user_id != ada.user_id


def test_an_administrator_deletes_an_account_by_override(town: Town) -> None:
    """Without proof of who they are; the event says so. Twice is NotFound."""
    ada = town.person("ada")
    town.clock.move(days=1)
    town.vibe.users.delete(town.root, id_of(ada))
    told = town.details("user.deleted")
    assert (told["changes"]["role"], told["override"]) == (["developer", None], True)
    for user_id in (id_of(ada), NOBODY):
        with pytest.raises(NotFound) as caught:
            town.vibe.users.delete(town.root, user_id)
        assert (caught.value.kind, caught.value.key) == ("user", user_id)


def test_attack_deleting_ones_own_account_needs_a_recent_proof(town: Town) -> None:
    """To the microsecond, of administrators too; an ended session is no proof however recent."""
    town.admin("other")
    ada = town.person("ada")
    town.clock.move(seconds=300, microseconds=-1)
    bob = town.person("bob")
    town.clock.move(microseconds=1)
    for actor in (ada, town.root):
        with pytest.raises(ReauthenticationRequired) as caught:
            town.vibe.users.delete(actor, id_of(actor))
        assert caught.value.action == "account.delete"
    town.vibe.auth.logout(bob)
    with pytest.raises(AuthenticationFailed):
        town.vibe.users.delete(bob, id_of(bob))
    no_session = Actor(kind=ActorKind.SESSION, user_id=ada.user_id, role=ada.role)
    with pytest.raises(AuthenticationFailed):
        town.vibe.users.delete(no_session, id_of(ada))
    for actor in (ada, bob, town.root):
        assert town.stored(actor) is not None


def test_attack_a_session_of_somebody_else_is_no_proof(town: Town) -> None:
    """An actor of one user that names the session of another."""
    ada, bob = town.person("ada"), town.person("bob")
    mixed = Actor(kind=ActorKind.SESSION, user_id=ada.user_id, role=ada.role, session_id=bob.session_id)
    with pytest.raises(AuthenticationFailed):
        town.vibe.users.delete(mixed, id_of(ada))
    assert town.stored(ada) is not None


def test_attack_accounts_of_others_can_be_neither_deleted_nor_told_from_none(town: Town) -> None:
    """The same denial for an account that exists, an administrator's and one that does not; nothing is written."""
    ada, bob = town.person("ada"), town.person("bob")
    before = town.actions()
    targets = (id_of(bob), id_of(town.root), NOBODY)
    calls: list[Callable[[UUID], object]] = [
        lambda user_id: town.vibe.users.delete(ada, user_id),
        lambda user_id: town.vibe.users.unlock(ada, user_id),
        lambda user_id: town.vibe.users.disable(ada, user_id),
        lambda user_id: town.vibe.users.enable(ada, user_id),
        lambda user_id: town.vibe.users.set_role(ada, user_id, role=UserRole.VIEWER),
        lambda user_id: town.vibe.users.get(ada, user_id),
        lambda user_id: town.vibe.users.find(ada, user_id),
        lambda user_id: town.vibe.users.update(ada, user_id, name="Eve"),
        lambda user_id: town.vibe.users.delete(Actor.anonymous(), user_id),
    ]
    for call in calls:
        first, *others = [outcome(lambda user_id=user_id, call=call: call(user_id)) for user_id in targets]  # type: ignore[misc]
        assert first.error is PermissionDenied
        assert [(other.error, other.facts) for other in others] == [(first.error, first.facts)] * 2
    assert town.actions() == [*before, *["permission.denied"] * len(calls) * len(targets)]
    assert town.sessions(bob) == 1


def test_attack_a_key_deletes_nobody(town: Town) -> None:
    """Neither its owner nor, as an administrator's, anybody else; it unlocks and purges nobody either, with any scope
    that decides who signs in."""
    ada = town.person("ada")
    for actor, target in ((key_of(ada), ada), (key_of(town.root), ada), (key_of(town.root), town.root)):
        with pytest.raises(PermissionDenied):
            town.vibe.users.delete(actor, id_of(target))
        with pytest.raises(PermissionDenied):
            town.vibe.users.unlock(actor, id_of(target))
    assert town.stored(ada) is not None


@pytest.mark.parametrize("archived", [False, True])
def test_projects_never_go_with_their_owner(town: Town, archived: bool) -> None:
    """An archived one keeps its owner too; neither they nor an administrator nor the system can."""
    ada = town.person("ada")
    project = town.vibe.projects.create(ada, name="engine")
    town.vibe.files.write(ada, project.id, "a.py", "x = 1\n")
    if archived:
        town.vibe.projects.archive(ada, project.id)
    for actor in (ada, town.root, SYSTEM):
        with pytest.raises(InvalidTransition) as caught:
            town.vibe.users.delete(actor, id_of(ada))
        assert (caught.value.target, caught.value.reason) == ("deleted", "owns projects")
    found = town.vibe.projects.get(ada, project.id)
    assert found.status is (ProjectStatus.ARCHIVED if archived else project.status)
    assert town.vibe.files.read(ada, project.id, "a.py").content == "x = 1\n"
    assert "user.deleted" not in town.actions()


def test_a_project_that_is_created_meanwhile_does_not_slip_through(town: Town) -> None:
    """Of deleting the owner and creating a project at the same moment, in many rounds, exactly one succeeds."""
    for number in range(THREADS):
        ada = town.person(f"p{number}")
        deleted, created = at_once(
            [
                lambda ada=ada: town.vibe.users.delete(ada, id_of(ada)),  # type: ignore[misc]
                lambda ada=ada: town.vibe.projects.create(ada, name="engine"),  # type: ignore[misc]
            ]
        )
        with town.store.begin(Mode.READ) as tx:
            owned = tx.projects.count(where=field("owner_id").eq(id_of(ada)))
        if deleted is None:
            assert isinstance(created, MissingReference)
            assert (town.stored(ada), owned) == (None, 0)
        else:
            assert isinstance(deleted, InvalidTransition)
            assert (created, owned) == (None, 1)
            assert town.stored(ada) is not None


def test_a_deletion_that_is_undone_leaves_everything(town: Town) -> None:
    """The account, its sessions, and what holds its tries back."""
    ada = town.person("ada")
    held = town.try_all(ada)
    with pytest.raises(ZeroDivisionError), town.vibe.transaction() as tx:  # noqa: PT012  # the end of the block raises
        tx.users.delete(town.root, id_of(ada))
        raise ZeroDivisionError
    assert town.sessions(ada) == 1
    assert town.throttles(held) == 3


# -- disabling and unlocking


def test_attack_who_is_disabled_has_no_way_in(town: Town) -> None:
    """No session is left, and no login makes one; enabling brings none back."""
    ada = town.person("ada")
    token = town.vibe.auth.login(email="ada@example.org", password=PASSWORD).authenticated.token
    town.vibe.users.disable(town.root, id_of(ada))
    assert town.sessions(ada) == 0
    with pytest.raises(AuthenticationFailed):
        town.sign_in("ada")
    town.vibe.users.enable(town.root, id_of(ada))
    with pytest.raises(AuthenticationFailed):
        town.vibe.auth.authenticate(token)


def test_unlocking_lets_tries_begin_anew(town: Town) -> None:
    """Of this account only; a disabled one stays disabled, and the event tells who did it."""
    ada, bob = town.person("ada"), town.person("bob")
    held, others = town.try_all(ada), town.try_all(bob)
    town.vibe.users.disable(town.root, id_of(ada))
    town.vibe.users.unlock(town.root, id_of(ada))
    assert (town.throttles(held), town.throttles(others)) == (0, 3)
    stored = town.stored(ada)
    assert stored is not None
    assert stored.disabled_at is not None
    assert town.details("user.unlocked") == {}
    town.vibe.users.unlock(SYSTEM, id_of(bob))
    assert town.throttles(others) == 0


def test_unlocking_nobody(town: Town) -> None:
    """NotFound, and no event of it."""
    with pytest.raises(NotFound):
        town.vibe.users.unlock(town.root, NOBODY)
    assert "user.unlocked" not in town.actions()


def test_unlocking_is_no_part_of_a_transaction(town: Town) -> None:
    """Its rollback would undo the event, and not what the event tells of."""
    ada = town.person("ada")
    held = town.try_all(ada)
    with town.vibe.transaction() as tx, pytest.raises(TransactionError):
        tx.users.unlock(town.root, id_of(ada))
    assert town.throttles(held) == 3


# -- maintenance


def test_sign_in_is_purged(town: Town) -> None:
    """What has ended goes, what holds somebody back stays, and the event tells the counts."""
    ada = town.person("ada")
    held = town.try_all(ada)
    most = town.effects.policy.account_limit.most
    assert most is not None
    with town.store.begin() as tx:
        used_up = make(tx, THROTTLES, available_at=town.clock(), tries=most)
        nearly = make(tx, THROTTLES, available_at=town.clock(), tries=most - 1)
        old = make(tx, SUPERSEDED_TOKENS, user_id=id_of(ada), session_id=ada.session_id, created_at=town.clock())
        tx.commit()
    nothing = town.vibe.maintenance.purge_sign_in(SYSTEM)
    assert (nothing.sessions, nothing.superseded_tokens, nothing.throttles) == (0, 0, 0)
    town.clock.move(days=31)
    bob = town.person("bob")
    kept = make_kept(town, bob, old.created_at)
    found = town.vibe.maintenance.purge_sign_in(town.root)
    assert (found.sessions, found.superseded_tokens) == (2, 1)
    assert found.throttles >= 4
    assert (town.sessions(ada), town.sessions(town.root), town.sessions(bob)) == (0, 0, 1)
    with town.store.begin(Mode.READ) as tx:
        assert tx.superseded_tokens.find(id_of(ada), old.id) is None
        assert tx.superseded_tokens.count(id_of(bob)) == kept
        assert list(tx.throttles.find_many([*held, nearly.id, used_up.id])) == [used_up.id]
        newest = max(
            (row for row in tx.audit.page(limit=1000).items if row.action == "maintenance.sign_in_purged"),
            key=lambda row: row.created_at,
        )
    counts = {"sessions": 2, "superseded_tokens": 1, "throttles": found.throttles}
    rows = {name: {"deleted": count} for name, count in counts.items()}
    assert newest.details == {**counts, "api_keys": 0, "rows": rows}


def make_kept(town: Town, actor: Actor, old: Any) -> int:
    """A superseded token that may still be shown, beside one that is older than any session; how many are to stay."""
    with town.store.begin() as tx:
        make(tx, SUPERSEDED_TOKENS, user_id=id_of(actor), session_id=actor.session_id, created_at=old)
        make(tx, SUPERSEDED_TOKENS, user_id=id_of(actor), session_id=actor.session_id, created_at=town.clock())
        tx.commit()
    return 1


def test_a_session_is_purged_when_it_has_ended_and_not_before(town: Town) -> None:
    """For want of use, to the microsecond."""
    ada = town.person("ada")
    with town.store.begin(Mode.READ) as tx:
        end = tx.sessions.get(id_of(ada), ada.session_id or NOBODY).idle_expires_at
    town.clock.move(seconds=(end - town.clock()).total_seconds(), microseconds=-1)
    town.vibe.maintenance.purge_sign_in(SYSTEM)
    assert town.sessions(ada) == 1
    town.clock.move(microseconds=1)
    town.vibe.maintenance.purge_sign_in(SYSTEM)
    assert town.sessions(ada) == 0


def test_purging_is_for_administrators_and_no_part_of_a_transaction(town: Town) -> None:
    ada = town.person("ada")
    for actor in (ada, key_of(ada), Actor.anonymous()):
        with pytest.raises(PermissionDenied):
            town.vibe.maintenance.purge_sign_in(actor)
    with town.vibe.transaction() as tx, pytest.raises(TransactionError):
        tx.maintenance.purge_sign_in(SYSTEM)
    assert "maintenance.sign_in_purged" not in town.actions()
