"""How a service becomes awaitable: one typed line for each of its methods."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from vibecore.aio.calls import Calls
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


class awaited(Generic[S, P, R]):
    """`get = awaited(ProjectService.get)`: the same parameters, results and errors, as a coroutine function."""

    def __init__(self, method: Callable[Concatenate[S, P], R]) -> None:
        @functools.wraps(method)
        async def call(self: AsyncService[S], *args: P.args, **kwargs: P.kwargs) -> R:
            return await self._calls.run(method, self._service, *args, **kwargs)

        self.__wrapped__ = method
        self.__doc__ = method.__doc__
        self.__signature__ = inspect.signature(method)
        setattr(call, "__signature__", self.__signature__)  # noqa: B010  # functions have it without declaring it
        self._call: Callable[..., Coroutine[Any, Any, R]] = call

    def __set_name__(self, owner: type[Any], name: str) -> None:
        self._call.__module__ = owner.__module__
        self._call.__qualname__ = f"{owner.__qualname__}.{name}"

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
