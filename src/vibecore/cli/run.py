"""Running a command: streams that cannot fail, signals that clean up, errors as one line and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from vibecore.cli import exits
from vibecore.domain.errors import VibecoreError


def run(arguments: Sequence[str] | None) -> int:
    """Run the command and return its exit code. Only a defect of vibecore itself leaves as an exception."""
    _prepare_streams()
    try:
        with _ended_by_signals():
            code = _invoke(arguments)
            sys.stdout.flush()
    except KeyboardInterrupt:
        code = exits.INTERRUPTED
    except BrokenPipeError:
        return _without_reader()
    except _Terminated:
        exits.complain("terminated")
        return exits.TERMINATED
    if code == exits.INTERRUPTED:
        exits.complain("interrupted")
    return code


def _invoke(arguments: Sequence[str] | None) -> int:
    from typer import Abort, TyperException
    from typer.main import get_command

    from vibecore.cli.app import app

    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        # Typer gives back the code of `Exit`, and that of an interruption, which it catches.
        code = get_command(app).main(given, prog_name="vibecore", standalone_mode=False)
    except TyperException as error:
        exits.complain(error.format_message())
        return exits.USAGE
    except Abort:
        return exits.INTERRUPTED
    except VibecoreError as error:
        exits.complain(error)
        return exits.code_of(error)
    except SystemExit as error:
        # What Typer makes of a broken pipe.
        raise BrokenPipeError from error
    except BrokenPipeError:
        raise
    except OSError as error:
        exits.complain(error if error.strerror is None else f"{error.filename or 'the system'}: {error.strerror}")
        return exits.REFUSED
    return code if isinstance(code, int) else exits.DONE


def _prepare_streams() -> None:
    """Whatever the locale, no character that is printed or read raises; a closed stream leads nowhere."""
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=errors)


def _without_reader() -> int:
    # Python flushes both streams once more when it ends, and would complain.
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            os.dup2(null, stream.fileno())
    os.close(null)
    return exits.BROKEN_PIPE


class _Terminated(BaseException):
    """SIGTERM or SIGHUP arrived. No `except Exception` on the way may swallow it."""


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Signals that end the process unwind it instead, so that an embedded server is not left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _terminate) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise _Terminated
