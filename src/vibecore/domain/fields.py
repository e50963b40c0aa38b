"""Annotated types shared by the records."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from vibecore.domain.rules import Boolean, Integer, Text, Timestamp, Uuid

Id = Annotated[UUID, Uuid()]
Moment = Annotated[datetime, Timestamp()]
Flag = Annotated[bool, Boolean()]
Int = Annotated[int, Integer()]
Count = Annotated[int, Integer(low=0)]
LongText = Annotated[str, Text()]
Name = Annotated[str, Text(255, shortest=1)]
Url = Annotated[str, Text(500)]
Path = Annotated[str, Text(1000, shortest=1, most_bytes=2600)]
Digest = Annotated[str, Text(64)]
IpAddress = Annotated[str, Text(50)]
