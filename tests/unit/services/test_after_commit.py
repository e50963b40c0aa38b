"""What is done after a commit: once, in order, on either backend, and never for what was undone."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

import pytest

from vibecore.bootstrap.services import Services
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AlreadyExists, InvalidValue, PermissionDenied, SerializationConflict
from vibecore.domain.permissions import Action
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import Mode, Store, UnitOfWork
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.work import ATTEMPTS, Work, allowed
from vibecore.testing.effects import FixedClock, FixedEffects, fixed_effects

SYSTEM = Actor.system("test")
NOBODY = Actor.anonymous()


@pytest.fixture
def effects(clock: FixedClock) -> FixedEffects:
    return fixed_effects(clock=clock)


@pytest.fixture
def work(store: Store, effects: FixedEffects) -> Work:
    return Work(store, effects)


@pytest.fixture
def vibe(store: Store, effects: FixedEffects) -> Vibe:
    return Vibe(store, effects)


def person(work: Work, tx: UnitOfWork, name: str) -> User:
    address = f"{name}@example.org"
    return User(
        id=work.effects.ids(),
        email=address,
        email_key=address,
        password_hash="plain$",
        name=name,
        created_at=tx.now,
        updated_at=tx.now,
    )


def users(store: Store) -> int:
    with store.begin(Mode.READ) as tx:
        return tx.users.count()


def test_it_is_done_once_the_rows_are_there(store: Store, work: Work) -> None:
    """In the order in which it was asked for; others see what was written."""
    seen: list[tuple[str, int]] = []

    def run(tx: UnitOfWork) -> str:
        tx.users.insert(person(work, tx, "ada"))
        work.after_commit(lambda: seen.append(("first", users(store))))
        work.after_commit(lambda: seen.append(("second", users(store))))
        assert seen == []
        return "done"

    assert work.write(NOBODY, run) == "done"
    assert seen == [("first", 1), ("second", 1)]


def test_a_collision_leaves_nothing_of_the_run_that_was_undone(store: Store, work: Work) -> None:
    """A real one, found by the store: only the run that was committed has its mail sent."""
    seen: list[int] = []
    runs: list[UUID] = []

    def collide(tx: UnitOfWork) -> None:
        runs.append(work.effects.ids())
        number = len(runs)
        tx.users.count()
        if number == 1:
            with store.begin() as other:
                other.users.count()
                other.users.insert(person(work, other, "eve"))
                other.commit()
        tx.users.insert(person(work, tx, "ada"))
        work.after_commit(lambda: seen.append(number))

    work.write(NOBODY, collide)
    assert (len(runs), seen, users(store)) == (2, [2], 2)


def test_a_unit_that_gives_up_sends_nothing(work: Work) -> None:
    """However often it ran."""
    seen: list[int] = []
    runs: list[int] = []

    def collide(tx: UnitOfWork) -> None:
        runs.append(1)
        work.after_commit(lambda: seen.append(1))
        raise SerializationConflict

    with pytest.raises(SerializationConflict):
        work.write(NOBODY, collide)
    assert (len(runs), seen) == (ATTEMPTS, [])


def test_an_error_sends_nothing(work: Work) -> None:
    """Neither in `run` nor at the commit; the next call is not concerned."""
    seen: list[str] = []

    def fail(tx: UnitOfWork) -> None:
        work.after_commit(lambda: seen.append("failed"))
        raise LookupError

    with pytest.raises(LookupError):
        work.write(NOBODY, fail)
    work.write(NOBODY, lambda tx: work.after_commit(lambda: seen.append("fine")))
    assert seen == ["fine"]


def test_inside_a_transaction_it_waits_for_the_whole(store: Store, work: Work) -> None:
    """In the order of the calls."""
    seen: list[tuple[str, int]] = []

    def call(inside: Work, name: str) -> None:
        def run(tx: UnitOfWork) -> None:
            tx.users.insert(person(work, tx, name))
            inside.after_commit(lambda: seen.append((name, users(store))))

        inside.write(NOBODY, run)

    with work.transaction() as inside:
        call(inside, "ada")
        call(inside, "bob")
        assert seen == []
    assert seen == [("ada", 2), ("bob", 2)]


def test_a_transaction_that_is_rolled_back_sends_nothing(store: Store, work: Work) -> None:
    """Whatever its calls did."""
    seen: list[str] = []

    def undone() -> None:
        with work.transaction() as inside:
            inside.write(NOBODY, lambda tx: inside.after_commit(lambda: seen.append("call")))
            raise LookupError

    with pytest.raises(LookupError):
        undone()
    assert seen == []


def test_a_call_that_fails_inside_a_transaction_takes_its_own_with_it(work: Work) -> None:
    """What the others want stays."""
    seen: list[str] = []

    def fail(tx: UnitOfWork) -> None:
        work.after_commit(lambda: seen.append("failed"))
        tx.users.insert(person(work, tx, "ada"))
        tx.users.insert(person(work, tx, "ada"))

    with work.transaction() as inside:
        inside.write(NOBODY, lambda tx: inside.after_commit(lambda: seen.append("before")))
        with pytest.raises(AlreadyExists):
            inside.write(NOBODY, fail)
        inside.write(NOBODY, lambda tx: inside.after_commit(lambda: seen.append("after")))
    assert seen == ["before", "after"]


def test_atomic_sends_for_the_last_run_only(work: Work) -> None:
    """Once, after the commit of the whole."""
    seen: list[int] = []
    runs: list[int] = []

    def run(inside: Work) -> int:
        runs.append(1)
        number = len(runs)
        inside.write(NOBODY, lambda tx: inside.after_commit(lambda: seen.append(number)))
        assert seen == []
        if number < 3:
            raise SerializationConflict
        return number

    assert work.atomic(run) == 3
    assert seen == [3]


def test_the_faces_of_a_transaction(vibe: Vibe, monkeypatch: pytest.MonkeyPatch) -> None:
    """`transaction` and `atomic` of an installation, for what its services do."""
    seen: list[str] = []
    real = Work.event

    def event(self: Work, tx: UnitOfWork, actor: Actor, action: str, **more: Any) -> Any:
        self.after_commit(lambda: seen.append(action))
        return real(self, tx, actor, action, **more)

    monkeypatch.setattr(Work, "event", event)
    vibe.auth.register(NOBODY, email="ada@example.org", password="engine no. 9", name="Ada")
    assert seen == ["auth.registered"]
    ada = vibe.auth.login(email="ada@example.org", password="engine no. 9").actor
    seen.clear()
    with vibe.transaction() as tx:
        tx.projects.create(ada, name="one")
        with pytest.raises(PermissionDenied):
            tx.users.page(ada)
        # The denial was committed in a unit of its own.
        assert seen == ["permission.denied"]
    assert seen == ["permission.denied", "project.created"]
    seen.clear()

    def two(tx: Services) -> None:
        tx.projects.create(ada, name="two")
        tx.projects.create(ada, name="three")
        assert seen == []

    vibe.atomic(two)
    assert seen == ["project.created", "project.created"]


def test_a_unit_aside_does_not_wait(work: Work) -> None:
    """It has been committed, whatever becomes of the one around it; what is asked for later belongs to that one."""
    seen: list[str] = []

    def run(tx: UnitOfWork) -> None:
        work.after_commit(lambda: seen.append("own"))
        work.aside(lambda other: work.after_commit(lambda: seen.append("aside")))
        assert seen == ["aside"]
        work.after_commit(lambda: seen.append("own"))
        raise LookupError

    with pytest.raises(LookupError):
        work.write(NOBODY, run)
    assert seen == ["aside"]


def test_a_denied_call_sends_nothing(work: Work) -> None:
    seen: list[str] = []

    def run(tx: UnitOfWork) -> None:
        work.after_commit(lambda: seen.append("denied"))
        allowed(NOBODY, Action.USERS_MANAGE)

    with pytest.raises(PermissionDenied):
        work.write(NOBODY, run)
    assert seen == []


@pytest.mark.parametrize("name", ["read", "snapshot"])
def test_a_reading_unit_has_its_end_too(work: Work, name: str) -> None:
    """Alone, and inside a transaction with the whole."""
    seen: list[str] = []
    getattr(work, name)(NOBODY, lambda tx: work.after_commit(lambda: seen.append("alone")))
    assert seen == ["alone"]
    with work.transaction() as inside:
        getattr(inside, name)(NOBODY, lambda tx: inside.after_commit(lambda: seen.append("inside")))
        assert seen == ["alone"]
    assert seen == ["alone", "inside"]


def test_outside_of_a_unit_of_work_it_is_an_error(work: Work) -> None:
    """It would never be done."""
    for misplaced in (work, Work(work.store, work.effects)):
        with pytest.raises(RuntimeError, match="inside a unit of work"):
            misplaced.after_commit(lambda: None)
    work.write(NOBODY, lambda tx: None)
    with pytest.raises(RuntimeError):
        work.after_commit(lambda: None)


def test_an_action_may_use_the_store(store: Store, work: Work) -> None:
    """It is outside of the unit, and what it asks for in a unit of its own is done too."""
    seen: list[int] = []

    def later() -> None:
        def run(tx: UnitOfWork) -> None:
            tx.users.insert(person(work, tx, "bob"))
            work.after_commit(lambda: seen.append(users(store)))

        work.write(NOBODY, run)

    work.write(NOBODY, lambda tx: work.after_commit(later))
    assert seen == [1]


def test_a_failing_action_does_not_undo_what_was_committed(
    store: Store, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    """The call succeeds, as it did; the log has the kind of failure and nothing that may be secret."""
    seen: list[str] = []

    def fail() -> None:
        raise ConnectionError("the link is https://example.org/?token=vcr_secret")

    def run(tx: UnitOfWork) -> str:
        tx.users.insert(person(work, tx, "ada"))
        work.after_commit(fail)
        work.after_commit(lambda: seen.append("next"))
        return "done"

    with caplog.at_level(logging.DEBUG):
        assert work.write(NOBODY, run) == "done"
    assert (seen, users(store)) == (["next"], 1)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("vibecore", "ERROR")
    assert "ConnectionError" in record.getMessage()
    assert "secret" not in f"{record.getMessage()} {record.exc_text} {record.exc_info}"


def test_what_is_no_failure_of_an_action_is_raised(work: Work) -> None:
    """An interrupt reaches whoever waits."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.write(NOBODY, lambda tx: work.after_commit(interrupt))


def test_a_mail_is_sent_after_the_commit(store: Store, work: Work, effects: FixedEffects) -> None:
    """With the template's text and links that begin at the installation's public address."""

    def run(tx: UnitOfWork) -> None:
        tx.users.insert(person(work, tx, "ada"))
        work.send(
            MailPurpose.VERIFY_EMAIL,
            to="ada@example.org",
            token="vcv_x",
            email="ada@example.org",
            name="Ada",
            expires=tx.now,
        )
        assert effects.mailer.mails == ()

    work.write(NOBODY, run)
    (mail,) = effects.mailer.mails
    assert isinstance(mail, Mail)
    assert (mail.recipient, mail.purpose) == ("ada@example.org", MailPurpose.VERIFY_EMAIL)
    assert "http://localhost:8000/verify-email?token=vcv_x\n" in mail.text


def test_a_mail_that_cannot_be_written_undoes_the_call(store: Store, work: Work, effects: FixedEffects) -> None:
    """The values are checked before anything is committed."""

    def run(tx: UnitOfWork) -> None:
        tx.users.insert(person(work, tx, "ada"))
        work.send(MailPurpose.PASSWORD_CHANGED, to="ada@example.org", email="ada@example.org", name="Ada")

    with pytest.raises(InvalidValue) as caught:
        work.write(NOBODY, run)
    assert caught.value.field == "time"
    assert (effects.mailer.mails, users(store)) == ((), 0)
