"""An installation with one account that may have a second factor, what its user holds, and many at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any, Final, TypeVar

from pyotp.totp import TOTP

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.logins import Challenge, Login
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.effects import FixedClock, FixedEffects, PlainHasher, fixed_effects

T = TypeVar("T")
PASSWORD: Final = "correct horse battery staple"
WRONG: Final = "incorrect horse battery staple"
ADA: Final = "ada@example.org"
SYSTEM: Final = Actor.system("test")
STEP: Final = 30


class Door:
    """An installation with one account, and what its user holds."""

    def __init__(self, store: Store, clock: FixedClock, **changed: Any) -> None:
        self.store = store
        self.clock = clock
        self.effects: FixedEffects = replace(fixed_effects(clock=clock), **changed)
        self.vibe = Vibe(store, self.effects)
        self.secret = ""
        self.codes: tuple[str, ...] = ()
        self.ada = self.vibe.auth.register(Actor.anonymous(), email=ADA, password=PASSWORD, name="Ada")

    def login(self, password: str = PASSWORD, **more: Any) -> Login:
        return self.vibe.auth.login(**{"email": ADA, "password": password, **more})

    def guard(self) -> Actor:
        """Switch the second factor on."""
        actor = self.login().actor
        self.secret = self.vibe.second_factors.enrol(actor).secret
        confirmed = self.vibe.second_factors.confirm(actor, code=self.code())
        self.codes = confirmed.recovery_codes
        self.clock.move(seconds=STEP)
        return confirmed.renewed.actor

    def code(self, steps: int = 0) -> str:
        return TOTP(self.secret).at(self.clock() + timedelta(seconds=STEP * steps))

    def challenge(self) -> str:
        found = self.login()
        assert isinstance(found, Challenge)
        return found.challenge

    def answer(self, code: str, challenge: str | None = None, **more: Any) -> Login:
        token = self.challenge() if challenge is None else challenge
        return self.vibe.auth.complete_challenge(challenge=token, code=code, **more)

    def sessions(self) -> int:
        with self.store.begin(Mode.READ) as tx:
            return tx.sessions.count(self.ada.id)

    def stored(self) -> Any:
        with self.store.begin(Mode.READ) as tx:
            return tx.users.get(self.ada.id)

    def change(self, **fields: Any) -> None:
        with self.store.begin() as tx:
            tx.users.update(replace(tx.users.get(self.ada.id), **fields))
            tx.commit()

    def trail(self) -> list[tuple[str, dict[str, Any]]]:
        with self.store.begin(Mode.SNAPSHOT) as tx:
            return [(event.action, dict(event.details)) for event in sorted(tx.audit.stream(), key=lambda e: e.id)]

    @property
    def checks(self) -> int:
        """Passwords computed so far."""
        assert isinstance(self.effects.hasher, PlainHasher)
        return self.effects.hasher.checks


def at_once(number: int, call: Callable[[int], T]) -> list[T | Exception]:
    """What `number` threads get that call at the same moment."""
    start = Barrier(number)

    def run(index: int) -> T | Exception:
        start.wait()
        try:
            return call(index)
        except Exception as error:  # noqa: BLE001  # what comes of it is what is tested
            return error

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))
