"""How an installation sends mail: what its settings and arguments make of it, and its end."""

from __future__ import annotations

import asyncio
import logging
from threading import Event
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

import vibecore
from tests.bootstrap.story import SETTINGS
from tests.unit.services.mail.servers import Received, listening, plain
from vibecore.bootstrap.settings import Settings
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue
from vibecore.services.mail.background import BackgroundMailer
from vibecore.services.mail.local import ConsoleMailer, NoMailer, OutboxMailer
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.mail.templates import MailTemplate, MailTemplates
from vibecore.testing.effects import fixed_effects

OWN = MailTemplates(reset_password=MailTemplate("Neu", "$token"))


def settings(mail_url: str | None, **changed: Any) -> Settings:
    url = None if mail_url is None else SecretStr(mail_url)
    smtp = {"mail_from": "Vibe <vibe@example.org>", "public_url": "https://example.org/app/"}
    return SETTINGS.model_copy(update={**smtp, **changed, "mail_url": url})


def reset(vibe: Vibe) -> None:
    """A mail, by the work that services use."""
    work = vibe._work
    work.write(
        Actor.anonymous(),
        lambda tx: work.send(
            MailPurpose.RESET_PASSWORD, to="ada@example.org", token="vcr_x", email="a@b", name="Ada", expires=tx.now
        ),
    )


def test_a_mail_leaves_over_smtp() -> None:
    """From the settings' sender, with a link that begins where the application is; at the latest with `close`."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        vibe = vibecore.connect("memory://", settings=settings(f"smtp://127.0.0.1:{port}?tls=off"))
        assert isinstance(vibe.mailer, BackgroundMailer)
        reset(vibe)
        vibe.close()
    (envelope,) = received.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("vibe@example.org", ["ada@example.org"])
    assert isinstance(envelope.content, bytes)
    assert b"\r\nhttps://example.org/app/reset-password?token=vcr_x\r\n" in envelope.content


def test_the_mailer_of_settings(url: str) -> None:
    """In memory an outbox and on a server a warning, unless the settings say where mails go."""
    for address, mail_url, kind in (
        ("memory://", None, OutboxMailer),
        (url, None, NoMailer),
        ("memory://", "console:", ConsoleMailer),
        (url, "console:", ConsoleMailer),
        (url, "memory:", OutboxMailer),
        (url, "smtps://ada:hunter2@mail.example.org", BackgroundMailer),
        (url, "smtp://mail.example.org", BackgroundMailer),
    ):
        with vibecore.connect(address, settings=settings(mail_url)) as vibe:
            assert type(vibe.mailer) is kind


def test_the_mailer_of_an_engine(app_engine: sa.Engine) -> None:
    """As on a URL."""
    with vibecore.connect(engine=app_engine, settings=settings(None)) as vibe:
        assert type(vibe.mailer) is NoMailer
    with vibecore.connect(engine=app_engine, settings=settings("memory:"), templates=OWN) as vibe:
        reset(vibe)
        assert isinstance(vibe.mailer, OutboxMailer)
        assert [mail.subject for mail in vibe.mailer.mails] == ["Neu"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"mail_url": "hunter2"}, "MAIL_URL"),
        ({"mail_url": ""}, "MAIL_URL"),
        ({"mail_url": "console://"}, "MAIL_URL"),
        ({"mail_url": "smtp://"}, "MAIL_URL"),
        ({"mail_url": "smtp://ada:hunter2@host:port"}, "MAIL_URL"),
        ({"mail_url": "smtp://host?tls=hunter2"}, "MAIL_URL"),
        ({"mail_from": None}, "MAIL_FROM"),
        ({"mail_from": "hunter2"}, "MAIL_FROM"),
        ({"mail_from": "a@b\nBcc: hunter2@c"}, "MAIL_FROM"),
        ({"public_url": None}, "PUBLIC_URL"),
        ({"public_url": ""}, "PUBLIC_URL"),
        ({"public_url": "hunter2"}, "PUBLIC_URL"),
        ({"public_url": "ftp://host"}, "PUBLIC_URL"),
        ({"public_url": "javascript://host"}, "PUBLIC_URL"),
        ({"public_url": "https://"}, "PUBLIC_URL"),
        ({"public_url": "https:///path"}, "PUBLIC_URL"),
        ({"public_url": "https://ada:hunter2@host"}, "PUBLIC_URL"),
        ({"public_url": "https://host?hunter2"}, "PUBLIC_URL"),
        ({"public_url": "https://host/#hunter2"}, "PUBLIC_URL"),
        ({"public_url": "https://host/a b"}, "PUBLIC_URL"),
        ({"public_url": "https://host\n"}, "PUBLIC_URL"),
        ({"public_url": "https://host:port"}, "PUBLIC_URL"),
        ({"public_url": "https://[::1"}, "PUBLIC_URL"),
        ({"public_url": "https://höst"}, "PUBLIC_URL"),
        ({"public_url": f"https://host/{'x' * 500}"}, "PUBLIC_URL"),
    ],
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_wrong_setting_is_named_and_not_quoted(
    changed: dict[str, str | None], field: str, asynchronous: bool
) -> None:
    """When the installation is opened, not with the first mail."""
    chosen = settings(**{"mail_url": "smtp://mail.example.org", **changed})

    def connect() -> object:
        if asynchronous:
            return asyncio.run(vibecore.connect_async("memory://", settings=chosen))
        return vibecore.connect("memory://", settings=chosen)

    with pytest.raises(InvalidValue) as caught:
        connect()
    assert caught.value.field == f"VIBECORE_{field}"
    link: BaseException | None = caught.value
    while link is not None:
        assert "hunter2" not in f"{link} {link!r}"
        link = link.__cause__ or link.__context__


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        (None, "http://localhost:8000/"),
        ("https://example.org", "https://example.org/"),
        ("http://example.org:8080/", "http://example.org:8080/"),
        ("https://example.org/app//", "https://example.org/app/"),
        ("https://[2001:db8::1]/app", "https://[2001:db8::1]/app/"),
    ],
)
def test_where_links_begin(given: str | None, begins: str) -> None:
    """One slash between that and the page."""
    with vibecore.connect("memory://", settings=settings(None, public_url=given)) as vibe:
        reset(vibe)
        assert isinstance(vibe.mailer, OutboxMailer)
        assert f"\n{begins}reset-password?token=" in vibe.mailer.mails[0].text


class Mailer:
    """An application's own."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.closed = False

    def send(self, mail: Mail, /) -> None:
        self.mails.append(mail)

    def close(self) -> None:
        self.closed = True


def test_an_application_brings_mailer_and_templates() -> None:
    """They win over settings and effects, and stay the application's: `close` leaves them open."""
    own = Mailer()
    for more in ({"settings": settings("console:")}, {"effects": fixed_effects()}):
        with vibecore.connect("memory://", mailer=own, templates=OWN, **more) as vibe:
            assert vibe.mailer is own
            reset(vibe)
    assert [mail.text for mail in own.mails] == ["vcr_x", "vcr_x"]
    assert not own.closed
    effects = fixed_effects()
    with vibecore.connect("memory://", effects=effects) as vibe:
        assert vibe.mailer is effects.mailer


def test_a_mailer_that_was_given_is_left_open() -> None:
    """Also one that could be closed, in effects or beside them."""
    inner = OutboxMailer()
    mailer = BackgroundMailer(inner)
    for _ in range(2):
        with vibecore.connect("memory://", settings=SETTINGS, mailer=mailer) as vibe:
            reset(vibe)
    mailer.close()
    assert len(inner.mails) == 2


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"mailer": object()}, "mailer"),
        ({"mailer": "console:"}, "mailer"),
        ({"templates": {}}, "templates"),
        ({"templates": MailTemplate("a", "b")}, "templates"),
    ],
)
def test_what_is_no_mailer(arguments: dict[str, Any], field: str) -> None:
    """InvalidValue with the argument's name, on both faces."""
    with pytest.raises(InvalidValue) as caught:
        vibecore.connect("memory://", settings=SETTINGS, **arguments)
    assert caught.value.field == field
    with pytest.raises(InvalidValue) as caught:
        asyncio.run(vibecore.connect_async("memory://", settings=SETTINGS, **arguments))
    assert caught.value.field == field


def test_a_server_without_mail_says_so(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The call succeeds; the log names what was not sent, and to nobody."""
    with vibecore.connect(url, settings=SETTINGS) as vibe, caplog.at_level(logging.WARNING):
        reset(vibe)
    assert [record.getMessage() for record in caplog.records] == ["mail is not configured: no reset-password is sent"]


def test_a_fork_keeps_the_mailer_and_does_not_close_it() -> None:
    """It belongs to the one that was opened."""
    received = Received()
    with listening(lambda: plain(received)) as port:
        with vibecore.connect("memory://", settings=settings(f"smtp://127.0.0.1:{port}?tls=off")) as vibe:
            with vibe.fork() as fork:
                assert fork.mailer is vibe.mailer
            reset(vibe)
        assert len(received.mails) == 1


def test_the_loop_goes_on_while_mails_are_delivered() -> None:
    """`close` waits for the server in a thread: here it is the loop that lets the server answer."""
    received, asked, answer = Received(), Event(), Event()

    class Slow(Received):
        async def handle_DATA(self, *arguments: Any) -> str:
            asked.set()
            await asyncio.to_thread(answer.wait, 30)
            return await received.handle_DATA(*arguments)

    async def story(port: int) -> None:
        avibe = await vibecore.connect_async("memory://", settings=settings(f"smtp://127.0.0.1:{port}?tls=off"))
        assert isinstance(avibe.mailer, BackgroundMailer)
        reset(avibe._vibe)
        closing = asyncio.ensure_future(avibe.close())
        await asyncio.to_thread(asked.wait, 30)
        assert not closing.done()
        answer.set()
        await closing

    with listening(lambda: plain(Slow())) as port:
        asyncio.run(story(port))
    assert len(received.mails) == 1


@pytest.mark.parametrize("form", ["url", "engine"])
def test_the_async_face_takes_the_same(url: str, form: str) -> None:
    """Settings, mailer and templates, on a URL and on an application's engine."""
    from sqlalchemy.ext.asyncio import create_async_engine

    async def story() -> None:
        engine = create_async_engine(sa.make_url(url).set(drivername="postgresql+psycopg"))
        target: dict[str, Any] = {"engine": engine} if form == "engine" else {"url": url}
        own = Mailer()
        async with await vibecore.connect_async(**target, settings=SETTINGS) as avibe:
            assert type(avibe.mailer) is NoMailer
        async with await vibecore.connect_async(**target, settings=SETTINGS, mailer=own, templates=OWN) as avibe:
            assert avibe.mailer is own
            assert avibe._effects.templates is OWN
            assert avibe._vibe._work.effects.templates is OWN
        await engine.dispose()

    asyncio.run(story())
