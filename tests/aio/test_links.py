"""Links in mails and changes of passwords on the async face, inside its transactions too."""

from __future__ import annotations

import asyncio

import pytest

from tests.aio.world import PASSWORD, SETTINGS, assert_clean
from vibecore import connect_async
from vibecore.aio import AsyncVibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed
from vibecore.services.mail.local import OutboxMailer
from vibecore.services.mail.messages import MailPurpose

ADA = "ada@example.org"
SECOND = "another long password"


def test_links_work_inside_a_transaction(url: str) -> None:
    """Nothing waits for itself, the loop goes on, and mails leave after the commit of the whole."""

    async def story() -> None:
        outbox = OutboxMailer()
        async with await connect_async(url, settings=SETTINGS, mailer=outbox) as avibe:
            await told(avibe, outbox)
            assert_clean(avibe)

    asyncio.run(asyncio.wait_for(story(), 60))


def token(outbox: OutboxMailer, purpose: MailPurpose) -> str:
    return [mail for mail in outbox.mails if mail.purpose is purpose][-1].values["token"]


async def told(avibe: AsyncVibe, outbox: OutboxMailer) -> None:
    await avibe.auth.register(Actor.anonymous(), email=ADA, password=PASSWORD, name="Ada")
    actor = (await avibe.auth.login(email=ADA, password=PASSWORD)).actor
    async with avibe.transaction() as tx:
        assert (await tx.emails.verify(token=token(outbox, MailPurpose.VERIFY_EMAIL))).email_verified
        renewed = await tx.passwords.change(actor, current=PASSWORD, new=SECOND)
        await tx.passwords.request_reset(email=ADA, ip_address="192.0.2.1")
        await tx.emails.request_change(renewed.actor, new_email="ada@example.net")
        assert len(outbox.mails) == 1
    assert len(outbox.mails) == 4
    link = token(outbox, MailPurpose.RESET_PASSWORD)
    tries = [avibe.passwords.reset(token=link, password=f"password number {n}") for n in range(4)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(each) for each in found if each is not None] == [AuthenticationFailed] * 3
    with pytest.raises(AuthenticationFailed):
        await avibe.auth.authenticate(renewed.token)
    async with avibe.transaction() as tx:
        assert (await tx.emails.change(token=token(outbox, MailPurpose.CHANGE_EMAIL))).email == "ada@example.net"
