"""The stream format of server-sent events (WHATWG HTML, 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """What happened to a job: `job`, `progress`, `rows`, `rewound`, `reset`, `end` (GET /v1/jobs/{id}/events)."""

    event: str
    data: Any
    #: Of `rows`: where a later `follow` goes on.
    id: str | None = None


def read_events(chunks: Iterable[bytes]) -> Iterator[Event]:
    """Events out of the bytes of a stream, cut anywhere. Lines end with a line feed only: JSON may hold what else Unicode takes for the end of a line."""
    rest = b""
    fields: dict[str, str] = {}
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode()
            if text == "":
                if "data" in fields:
                    yield Event(fields.get("event", "message"), json.loads(fields["data"]), fields.get("id"))
                fields = {}
            elif not text.startswith(":"):
                name, _, value = text.partition(":")
                value = value.removeprefix(" ")
                fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value
