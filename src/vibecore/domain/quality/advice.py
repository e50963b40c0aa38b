"""What would raise a score most, in words."""

from __future__ import annotations

from vibecore.domain.quality.inputs import SEVERITIES, QualityInputs
from vibecore.domain.quality.report import Advice, Component


def advise(inputs: QualityInputs, components: tuple[Component, ...]) -> tuple[Advice, ...]:
    """The components that can still raise something: by gain, then by the lower bound's gain, then as given."""
    worth = [component for component in components if component.gain or component.lower_gain]
    worth.sort(key=lambda component: (-component.gain, -component.lower_gain))
    return tuple(
        Advice(
            component=component.name,
            action=_action(inputs, component),
            gain=component.gain,
            lower_gain=component.lower_gain,
        )
        for component in worth
    )


def _action(inputs: QualityInputs, component: Component) -> str:
    if component.name == "security" and inputs.open_critical_security:
        count = inputs.open_critical_security
        return f"close the open critical security issues ({count}): while one is open the score stays below 50"
    return _start(component.name) if component.missing is not None else _mend(inputs, component.name)


def _start(name: str) -> str:
    match name:
        case "coverage":
            return "measure coverage when the tests run"
        case "tests":
            return "run tests and record their outcome"
        case "delivery":
            return "deploy and record the outcome"
        case _:
            return "review the code: no line has been reviewed"


def _mend(inputs: QualityInputs, name: str) -> str:
    match name:
        case "coverage":
            bare = inputs.coverable - inputs.covered
            return f"cover more: {bare} of {inputs.coverable} lines and branches are not covered"
        case "tests":
            return f"mend the failing tests: {inputs.failed} of {inputs.executed_tests} fail"
        case "delivery":
            finished = inputs.finished_deployments
            bad = finished - inputs.deployments_succeeded
            return f"deliver steadily: {bad} of {finished} deployments failed or were rolled back"
        case _:
            worst = SEVERITIES[getattr(inputs, f"{name}_worst")]
            return f"mend the {name} issues, the worst first (worst: {worst})"
