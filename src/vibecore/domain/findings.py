"""Findings over time: how one is recognised after lines moved, and what is new, still there or fixed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from vibecore.domain.issues import Issue, fingerprint


def fingerprints(path: str, findings: Sequence[tuple[str, int, str]]) -> list[str]:
    """The fingerprint of each finding in the file at `path`, in their order.

    A finding is (rule, line, text): the rule with its tool ("ruff/F401"), the line from 1, and what stands on it. Its
    fingerprint is made of rule, path, the text without its spacing, and how many findings of the rule on lines of
    the same text stand above it. Inserting, removing or indenting other lines changes none of these; editing the line
    does. Of findings of one rule on one line, the one that is given first counts first.

    This is what SARIF 2.1.0 (3.27.17 and appendix B) asks of `partialFingerprints`: nothing that changes when
    unrelated lines do, so no line numbers. CodeQL's `primaryLocationLineHash` and GitLab's `scope_offset` count the
    occurrence in the same way.
    """
    order = sorted(range(len(findings)), key=lambda place: findings[place][1])
    seen: Counter[tuple[str, str]] = Counter()
    found = [""] * len(findings)
    for place in order:
        rule, _, text = findings[place]
        key = rule, " ".join(text.split())
        found[place] = fingerprint(rule, path, key[1], seen[key])
        seen[key] += 1
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two lists of issues of the same files: every issue of the one is `fixed` or has its match in `existing`, every
    issue of the other is `new` or in `existing`. In the order in which they were given."""

    new: tuple[Issue, ...]
    existing: tuple[Issue, ...]
    """As they are now: they may have moved, or be judged otherwise."""
    fixed: tuple[Issue, ...]
    """As they were."""


def compare(before: Iterable[Issue], after: Iterable[Issue]) -> Comparison:
    """What became of the issues `before`, matched by fingerprint, each with at most one of `after`.

    Suppressed issues are matched like others: accepting an issue does not fix it. Both must come from reviews of the
    same files: where a file was not reviewed again, its issues are not fixed; see `compare_files`.
    """
    earlier = list(before)
    left = Counter(issue.fingerprint for issue in earlier)
    new, existing = [], []
    for issue in after:
        if left[issue.fingerprint] > 0:
            left[issue.fingerprint] -= 1
            existing.append(issue)
        else:
            new.append(issue)
    fixed = []
    # Of several with one fingerprint, those further down are taken for the fixed ones: matches are made from the top.
    for issue in reversed(earlier):
        if left[issue.fingerprint] > 0:
            left[issue.fingerprint] -= 1
            fixed.append(issue)
    return Comparison(new=tuple(new), existing=tuple(existing), fixed=tuple(reversed(fixed)))


def compare_files(
    before: Mapping[str, Iterable[Issue]], after: Mapping[str, Iterable[Issue]]
) -> tuple[Comparison, tuple[str, ...]]:
    """`compare` file by file, and the paths of `before` that were not reviewed again: nothing is known of these.

    A file of `after` without issues was reviewed and is clean; one that `after` does not name was not reviewed.
    """
    parts: dict[str, list[Issue]] = defaultdict(list)
    for path in sorted(after):
        one = compare(before.get(path, ()), after[path])
        parts["new"] += one.new
        parts["existing"] += one.existing
        parts["fixed"] += one.fixed
    whole = Comparison(new=tuple(parts["new"]), existing=tuple(parts["existing"]), fixed=tuple(parts["fixed"]))
    return whole, tuple(sorted(set(before) - set(after)))
