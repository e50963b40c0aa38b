"""Tries: who is held back, by which limit. Each is one statement in the store, decided there (`Work.decide`).

What a try is counted under is an HMAC: the store tells neither addresses nor accounts.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from vibecore.domain.errors import LoginThrottled
from vibecore.domain.signed_tokens import CLOCK_SKEW
from vibecore.domain.throttles import Limit, Taken, throttle_id
from vibecore.domain.users import User
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.effects import Effects
from vibecore.services.work import Work

PURPOSE: Final = "throttle"
"""Of the key for the HMAC."""
IPV6_PREFIX: Final = 64
"""Bits of an IPv6 address that one client cannot choose (RFC 6177: a site gets at least a /64)."""


@dataclass(frozen=True, slots=True)
class Tries:
    """One throttle: where it is counted, and how many it lets through."""

    id: UUID
    limit: Limit


class Counters:
    """The throttles of one installation."""

    __slots__ = ("_effects",)

    def __init__(self, effects: Effects) -> None:
        self._effects = effects

    def account(self, email_key: str) -> Tries:
        """Passwords for an address, known or not, from devices that are not known."""
        return self._tries("account", email_key.encode(), self._effects.policy.account_limit)

    def device(self, nonce: bytes) -> Tries:
        """Passwords from one device that has signed in before."""
        return self._tries("device", nonce, self._effects.policy.account_limit)

    def client(self, ip_address: str | None) -> Tries | None:
        """What one client tries, whatever the account; None where the address is not known."""
        if ip_address is None:
            return None
        return self._tries("client", client_network(ip_address).encode(), self._effects.policy.client_limit)

    def proof(self, user: UUID) -> Tries:
        """Passwords of who is signed in already: a stranger's guesses do not count here, nor these there."""
        return self._tries("proof", user.bytes, self._effects.policy.account_limit)

    def challenge(self, nonce: bytes) -> Tries:
        """Codes for one challenge."""
        return self._tries("challenge", nonce, self._effects.policy.challenge_limit)

    def used(self, nonce: bytes) -> Tries:
        """A challenge completes one login. Remembered until it has expired for the slowest clock, too."""
        return self._tries("used", nonce, Limit(self._effects.policy.challenge_lifetime + CLOCK_SKEW, 1))

    def factor(self, user: UUID) -> Tries:
        """Codes for one account."""
        return self._tries("factor", user.bytes, self._effects.policy.factor_limit)

    def mail(self, email_key: str) -> Tries:
        """Links to one address, which anybody can ask for."""
        return self._tries("mail", email_key.encode(), self._effects.policy.mail_limit)

    def notice(self, purpose: str, email_key: str) -> Tries:
        """Notices of one kind to one address that strangers can cause."""
        return self._tries(f"notice/{purpose}", email_key.encode(), self._effects.policy.mail_limit)

    def of_account(self, user: User) -> tuple[UUID, ...]:
        """All that holds one account's user back, for an administrator or a reset to forget."""
        return tuple(each.id for each in (self.account(user.email_key), self.proof(user.id), self.factor(user.id)))

    def _tries(self, kind: str, identifier: bytes, limit: Limit) -> Tries:
        return Tries(throttle_id(self._effects.keys.shared_key(PURPOSE), kind, identifier), limit)


def take(work: Work, tries: Tries) -> Taken:
    """Count one try, or learn that it is refused. One round trip."""
    return work.decide(lambda tx: tx.throttles.take(tries.id, tries.limit))


def demand(work: Work, tries: Tries) -> None:
    """Count one try. LoginThrottled where it is refused."""
    taken = take(work, tries)
    if not taken.allowed:
        raise LoginThrottled(taken.retry_at)


def forget(work: Work, *ids: UUID) -> None:
    """Let the tries of these throttles begin anew. One round trip."""

    def run(tx: UnitOfWork) -> None:
        with tx.batch() as batch:
            for each in ids:
                batch.add(tx.throttles.forget, each)

    work.decide(run)


def client_network(ip_address: str) -> str:
    """What one client cannot change about its address: an IPv4 address, the /64 of an IPv6 address.

    Zone and port are left out, which proxies write; IPv4 inside IPv6 is IPv4. What is no address stands for itself.
    """
    bare = ip_address.partition("%")[0]
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return ip_address
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
        return str(address.ipv4_mapped)
    return str(address)
