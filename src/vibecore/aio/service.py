"""How a service becomes awaitable: one typed line for each of its methods."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from vibecore.aio.calls import Calls
from vibecore.domain.deployment_logs import LogLine
from vibecore.services.deployments.following import LogStream
from vibecore.services.work import Service

S = TypeVar("S", bound=Service)
S_co = TypeVar("S_co", bound=Service, covariant=True)
P = ParamSpec("P")
R = TypeVar("R")


class AsyncService(Generic[S_co]):
    """A service whose methods are awaited."""

    def __init__(self, service: S_co, calls: Calls) -> None:
        self._service = service
        self._calls = calls


class _Line:
    """What every line of the async face has: the call, and the face of the method that it stands for."""

    def __init__(self, method: Callable[..., Any], call: Callable[..., Coroutine[Any, Any, Any]]) -> None:
        self.__wrapped__ = method
        self.__doc__ = method.__doc__
        self.__signature__ = inspect.signature(method)
        setattr(call, "__signature__", self.__signature__)  # noqa: B010  # functions have it without declaring it
        self._call = call

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._call.__module__ = owner.__module__
        self._call.__qualname__ = f"{owner.__qualname__}.{name}"


class awaited(_Line, Generic[S, P, R]):
    """`get = awaited(ProjectService.get)`: the same parameters, results and errors, as a coroutine function."""

    def __init__(self, method: Callable[Concatenate[S, P], R]) -> None:
        @functools.wraps(method)
        async def call(self: AsyncService[S], *args: P.args, **kwargs: P.kwargs) -> R:
            return await self._calls.run(method, self._service, *args, **kwargs)

        super().__init__(method, call)

    @overload
    def __get__(
        self, service: None, owner: type[Any]
    ) -> Callable[Concatenate[AsyncService[S], P], Coroutine[Any, Any, R]]: ...

    @overload
    def __get__(
        self, service: AsyncService[S], owner: type[Any] | None = None
    ) -> Callable[P, Coroutine[Any, Any, R]]: ...

    def __get__(self, service: AsyncService[S] | None, owner: type[Any] | None = None) -> Any:
        return self._call if service is None else MethodType(self._call, service)


class AsyncLogStream:
    """The lines of a log in order, each wait awaited. Iterate over it once."""

    def __init__(self, stream: LogStream, calls: Calls) -> None:
        self._stream = stream
        self._calls = calls

    async def advance(self) -> tuple[LogLine, ...]:
        """The next lines, at least one; none at the end. Waits for them where the log is followed."""
        return await self._calls.run(self._stream.advance)

    async def __aiter__(self) -> AsyncIterator[LogLine]:
        while lines := await self.advance():
            for line in lines:
                yield line


class streamed(_Line, Generic[S, P]):
    """As `awaited`, for a method whose result waits while it is read: what is awaited is its async twin."""

    def __init__(self, method: Callable[Concatenate[S, P], LogStream]) -> None:
        @functools.wraps(method)
        async def call(self: AsyncService[S], *args: P.args, **kwargs: P.kwargs) -> AsyncLogStream:
            return AsyncLogStream(await self._calls.run(method, self._service, *args, **kwargs), self._calls)

        super().__init__(method, call)
        self.__signature__ = self.__signature__.replace(return_annotation=AsyncLogStream.__name__)
        setattr(call, "__signature__", self.__signature__)  # noqa: B010  # functions have it without declaring it

    @overload
    def __get__(
        self, service: None, owner: type[Any]
    ) -> Callable[Concatenate[AsyncService[S], P], Coroutine[Any, Any, AsyncLogStream]]: ...

    @overload
    def __get__(
        self, service: AsyncService[S], owner: type[Any] | None = None
    ) -> Callable[P, Coroutine[Any, Any, AsyncLogStream]]: ...

    def __get__(self, service: AsyncService[S] | None, owner: type[Any] | None = None) -> Any:
        return self._call if service is None else MethodType(self._call, service)
