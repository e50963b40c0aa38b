"""What the settings of mail may say."""

from __future__ import annotations

import copy
import pickle

import pytest

from vibecore.domain.errors import InvalidValue
from vibecore.services.mail.senders import Sender
from vibecore.services.mail.servers import SmtpServer, Tls


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", SmtpServer(host="mail.example.org", port=587)),
        ("smtp://mail.example.org/", SmtpServer(host="mail.example.org", port=587)),
        ("smtp://Mail.Example.org:25", SmtpServer(host="mail.example.org", port=25)),
        ("smtps://mail.example.org", SmtpServer(host="mail.example.org", port=465, tls=Tls.IMPLICIT)),
        ("smtp://127.0.0.1:1025?tls=off", SmtpServer(host="127.0.0.1", port=1025, tls=Tls.OFF)),
        ("smtp://[::1]?timeout=2.5", SmtpServer(host="::1", port=587, timeout=2.5)),
        (
            "smtps://ada%40example.org:p%3Ass%2Fw@mail:2465?timeout=300",
            SmtpServer(
                host="mail", port=2465, tls=Tls.IMPLICIT, user="ada@example.org", password="p:ss/w", timeout=300
            ),
        ),
    ],
)
def test_the_server_of_a_url(url: str, server: SmtpServer) -> None:
    """Encrypted unless it says otherwise, on the ports of RFC 6409 and RFC 8314."""
    assert SmtpServer.of_url(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smtp:",
        "smtp://",
        "smtp:///hunter2",
        "http://hunter2",
        "SMTPX://hunter2",
        "smtp://host:port",
        "smtp://host:0",
        "smtp://host:99999",
        "smtp://ho st",
        "smtp://host\r\nhunter2",
        "smtp://höst",
        "smtp://[::1",
        "smtp://host/hunter2",
        "smtp://host#hunter2",
        "smtp://hunter2@host",
        "smtp://:hunter2@host",
        "smtp://hunter2:@host",
        "smtp://ada:hunter2%0A@host",
        "smtp://ada:hunter2%C3%A4@host",
        "smtp://ada:hunter2@host?tls=off",
        "smtp://host?tls=on",
        "smtp://host?tls=",
        "smtps://host?tls=off",
        "smtp://host?hunter2",
        "smtp://host?hunter2=1",
        "smtp://host?timeout=0",
        "smtp://host?timeout=301",
        "smtp://host?timeout=nan",
        "smtp://host?timeout=1e3",
        "smtp://host?timeout=-1",
    ],
)
def test_what_is_no_server(url: str) -> None:
    """Nothing of the URL is quoted, nor chained: it may hold a password."""
    with pytest.raises(InvalidValue) as caught:
        SmtpServer.of_url(url)
    assert caught.value.field == "mail_url"
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_password_does_not_show() -> None:
    """Not in repr, and it goes into no pickle."""
    server = SmtpServer.of_url("smtp://ada:hunter2@mail.example.org")
    assert repr(server) == "SmtpServer(host='mail.example.org', port=587, tls=<Tls.STARTTLS: 'starttls'>, timeout=10.0)"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(server)


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("vibe@example.org", Sender("vibe@example.org")),
        ("<vibe@example.org>", Sender("vibe@example.org")),
        ("Vibe <vibe@example.org>", Sender("vibe@example.org", "Vibe")),
        ("The Vibe, Inc. <vibe@example.org>", Sender("vibe@example.org", "The Vibe, Inc.")),
        (' "Vibe, Inc."  <vibe@example.org> ', Sender("vibe@example.org", "Vibe, Inc.")),
        ("Büro <büro@bücher.example>", Sender("büro@bücher.example", "Büro")),
    ],
)
def test_the_sender(text: str, sender: Sender) -> None:
    assert Sender.of_text(text) == sender


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vibe",
        "Vibe vibe@example.org",
        "Vibe <vibe@example.org> and more",
        "Vibe <vibe@example.org>\nBcc: eve@example.org",
        "Vibe\nBcc: eve@example.org <vibe@example.org>",
        "Vibe\r <vibe@example.org>",
        "Vibe <>",
        'Vi"be <vibe@example.org>',
        "a@example.org, b@example.org",
        f"{'x' * 101} <vibe@example.org>",
        "Vibe\0 <vibe@example.org>",
    ],
)
def test_what_is_no_sender(text: str) -> None:
    """No second header, no second address."""
    with pytest.raises(InvalidValue) as caught:
        Sender.of_text(text)
    assert caught.value.field == "mail_from"
    assert caught.value.__context__ is None
