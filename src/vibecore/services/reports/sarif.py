"""Reading SARIF 2.1.0: results one by one as they stand in the file, and what the runs say about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from vibecore.domain.errors import InvalidValue
from vibecore.services.reports.json_stream import JsonReader
from vibecore.services.reports.sources import Bounded, decoded

MAX_RUNS: Final = 1_000
MAX_RULES: Final = 100_000
"""In all runs together; GitHub takes 25,000 of a run."""
MAX_ARTIFACTS: Final = 1_000_000
"""In all runs together."""


class Location(NamedTuple):
    """An `artifactLocation`; what is missing or of a wrong type is None."""

    uri: str | None
    base: str | None
    artifact: int | None
    """Its place among the run's artifacts."""


class Result(NamedTuple):
    """One result. What only its run can tell (the rule's severity, where a base lies) is not in it: many tools write
    that after the results."""

    run: int
    place: int
    """From 0, in the run."""
    rule_id: str | None
    rule_index: int | None
    component: int | None
    """The extension that defines the rule; None: the driver, or not said."""
    level: str | None
    kind: str | None
    text: str | None
    message_id: str | None
    arguments: tuple[str, ...]
    location: Location | None
    line: int | None
    column: int | None
    offset: int | None
    """`charOffset`, from 0."""
    suppressed: bool
    suppression: str | None
    """The justification."""
    fix: str | None
    """What the first of the tool's fixes would do, in words."""
    properties: Mapping[str, Any]


class Rule(NamedTuple):
    """A `reportingDescriptor`."""

    id: str
    level: str | None
    messages: Mapping[str, str]
    tags: tuple[str, ...]
    properties: Mapping[str, Any]


@dataclass(slots=True)
class Run:
    """What a run says besides its results."""

    tool: str = ""
    rules: list[list[Rule]] = field(default_factory=lambda: [[]])
    """Of the driver, then of each extension."""
    bases: dict[str, Location] = field(default_factory=dict)
    artifacts: list[Location] = field(default_factory=list)
    targets: list[Location] = field(default_factory=list)
    """The artifacts that the tool was to look at (role `analysisTarget`)."""
    failed: list[Location] = field(default_factory=list)
    """Where the tool says that it could not do its work."""
    utf16: bool = False
    successful: bool = True
    results: int = 0


class SarifReader:
    """The results of a SARIF file, in its order; `runs` is complete when they have all been read.

    One result is in memory at a time, and the rules and artifacts of the runs. Unknown properties are passed over, and
    what has a wrong type counts as missing: a tool that gets one property wrong still has something to say.
    """

    def __init__(self, file: Bounded) -> None:
        self._json = JsonReader(decoded(file))
        self._rules = 0
        self._artifacts = 0
        self.runs: list[Run] = []

    def __iter__(self) -> Iterator[Result | None]:
        """None stands for an entry that is no result at all.

        Raises InvalidValue with field "source": no JSON, cut off, not SARIF 2.1.0, more runs, rules or artifacts than
        are read, two lists of runs, a run with two lists of results or without a tool's name.
        """
        version: object = None
        seen = False
        if self._json.peek() != "{":
            raise InvalidValue("source", "is no SARIF: a JSON object is expected")
        for name in self._json.members():
            if name == "runs":
                if seen:
                    raise InvalidValue("source", "has runs twice")
                seen = True
                yield from self._read_runs()
            else:
                value = self._json.value()
                version = value if name == "version" else version
        self._json.end()
        if version != "2.1.0":
            raise InvalidValue("source", "is not SARIF of version 2.1.0")
        if not seen:
            raise InvalidValue("source", "is no SARIF: it has no runs")

    def _read_runs(self) -> Iterator[Result | None]:
        if self._json.peek() != "[":
            raise InvalidValue("source", "has runs that are no array")
        for place in self._json.places():
            if place >= MAX_RUNS:
                raise InvalidValue("source", f"has more than {MAX_RUNS} runs")
            run = Run()
            self.runs.append(run)
            if self._json.peek() != "{":
                raise InvalidValue("source", f"has a run that is no object (run {place})")
            yield from self._read_run(run, place)
            if not run.tool:
                raise InvalidValue("source", f"has a run without the name of a tool (run {place})")

    def _read_run(self, run: Run, number: int) -> Iterator[Result | None]:
        seen = False
        for name in self._json.members():
            if name == "results" and self._json.peek() == "[":
                if seen:
                    raise InvalidValue("source", f"has a run with results twice (run {number})")
                seen = True
                for value in self._json.elements():
                    yield _result(value, number, run.results)
                    run.results += 1
            elif name == "artifacts" and self._json.peek() == "[":
                for value in self._json.elements():
                    self._artifact(run, value)
            else:
                self._about(run, name, self._json.value())

    def _artifact(self, run: Run, value: Any) -> None:
        self._artifacts += 1
        if self._artifacts > MAX_ARTIFACTS:
            raise InvalidValue("source", f"has more than {MAX_ARTIFACTS} artifacts")
        artifact = _object(value)
        location = _location(artifact.get("location")) or Location(None, None, None)
        run.artifacts.append(location)
        if "analysisTarget" in _list(artifact.get("roles")):
            run.targets.append(location)

    def _about(self, run: Run, name: str, value: Any) -> None:
        match name:
            case "tool":
                self._tool(run, _object(value))
            case "originalUriBaseIds":
                run.bases = {key: found for key, base in _object(value).items() if (found := _location(base))}
            case "columnKind":
                run.utf16 = value == "utf16CodeUnits"
            case "invocations":
                for one in map(_object, _list(value)):
                    run.successful = run.successful and one.get("executionSuccessful") is not False
                    notes = _list(one.get("toolExecutionNotifications"))
                    for note in map(_object, notes):
                        if note.get("level") == "error":
                            run.failed += [place for each in _list(note.get("locations")) if (place := _place(each))]

    def _tool(self, run: Run, tool: Mapping[str, Any]) -> None:
        driver = _object(tool.get("driver"))
        run.tool = (_text(driver.get("name")) or "").strip()
        extensions = [_object(each) for each in _list(tool.get("extensions"))]
        run.rules = []
        for component in (driver, *extensions):
            rules = _list(component.get("rules"))
            self._rules += len(rules)
            if self._rules > MAX_RULES:
                raise InvalidValue("source", f"has more than {MAX_RULES} rules")
            run.rules.append([_rule(_object(each)) for each in rules])


_NOTHING: Final[Mapping[str, Any]] = {}


def _object(value: Any) -> Mapping[str, Any]:
    return value if type(value) is dict else _NOTHING


def _list(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _number(value: Any) -> int | None:
    """SARIF's own "none" is -1."""
    return value if type(value) is int and value >= 0 else None


def _location(value: Any) -> Location | None:
    found = _object(value)
    if not found:
        return None
    return Location(_text(found.get("uri")), _text(found.get("uriBaseId")), _number(found.get("index")))


def _place(value: Any) -> Location | None:
    return _location(_object(_object(value).get("physicalLocation")).get("artifactLocation"))


def _rule(rule: Mapping[str, Any]) -> Rule:
    properties = _object(rule.get("properties"))
    messages = {key: text for key, each in _object(rule.get("messageStrings")).items() if (text := _message(each))}
    short = _message(rule.get("shortDescription")) or _message(rule.get("fullDescription"))
    if short:
        messages.setdefault("", short)
    return Rule(
        id=_text(rule.get("id")) or "",
        level=_text(_object(rule.get("defaultConfiguration")).get("level")),
        messages=messages,
        tags=tuple(tag for tag in _list(properties.get("tags")) if type(tag) is str),
        properties=properties,
    )


def _message(value: Any) -> str | None:
    found = _object(value)
    return _text(found.get("text")) or _text(found.get("markdown"))


def _result(value: Any, run: int, place: int) -> Result | None:
    if type(value) is not dict:
        return None
    # Hundreds of thousands of times: what is mostly absent or of one type costs no call.
    get = value.get
    message, rule, locations = get("message"), get("rule"), get("locations")
    if type(message) is not dict:
        message = _NOTHING
    if type(rule) is not dict:
        rule = _NOTHING
    physical: Any = _NOTHING
    region: Any = _NOTHING
    artifact: Any = _NOTHING
    if type(locations) is list and locations and type(locations[0]) is dict:
        physical = locations[0].get("physicalLocation")
        if type(physical) is dict:
            region, artifact = physical.get("region", _NOTHING), physical.get("artifactLocation", _NOTHING)
    if type(region) is not dict:
        region = _NOTHING
    location = None
    if type(artifact) is dict and artifact:
        location = Location(
            _text(artifact.get("uri")), _text(artifact.get("uriBaseId")), _number(artifact.get("index"))
        )
    suppressions, arguments, properties = get("suppressions"), message.get("arguments"), get("properties")
    fixes = get("fixes")
    suppressed, suppression = (False, None) if not suppressions else _suppressed(suppressions)
    return Result(
        run,
        place,
        _text(get("ruleId")) or _text(rule.get("id")),
        _number(rule.get("index", get("ruleIndex"))),
        _number(_object(rule.get("toolComponent")).get("index")) if rule else None,
        _text(get("level")),
        _text(get("kind")),
        _text(message.get("text")) or _text(message.get("markdown")),
        _text(message.get("id")),
        tuple(each for each in arguments if type(each) is str) if type(arguments) is list else (),
        location,
        _number(region.get("startLine")),
        _number(region.get("startColumn")),
        _number(region.get("charOffset")),
        suppressed,
        suppression,
        _message(_object(fixes[0]).get("description")) if type(fixes) is list and fixes else None,
        properties if type(properties) is dict else _NOTHING,
    )


def _suppressed(value: Any) -> tuple[bool, str | None]:
    """SARIF 3.27.23: suppressed if there are suppressions and none of them is under review or was rejected."""
    found = [each for each in _list(value) if type(each) is dict]
    if not found or any(each.get("status") in ("underReview", "rejected") for each in found):
        return False, None
    return True, next((text for each in found if (text := _text(each.get("justification")))), None)
