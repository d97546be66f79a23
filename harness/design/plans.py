"""Plans: the arms of a study, and the trials that they become."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from typing import TYPE_CHECKING

from harness import catalog, usercode
from harness.design import looks, sources
from harness.design.checks import (
    check_data,
    check_metrics,
    check_names,
    check_references,
    splitting,
    unpassed,
    user_code,
)
from harness.design.parts import is_redrawn
from harness.design.structure import own, program_key, settings
from harness.design.views import filled, settle, viewed
from harness.errors import StudyError
from harness.identity import digest
from harness.pairs import fewest_pairs
from harness.spec import Arm, Choices, Metric, Reference, Study, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.card import Card
    from harness.records import Definition
    from harness.spec import Phase, Value

MANY = 100_000
"""Number of trials above which a study must be confirmed, as it is likely a slip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A study that has been checked against catalogue, user code and data.

    Args:
        study: the question, settled.
        card: its data.
        codes: fingerprints of user code, by reference; none if all is built in.
        arms: all of them, in the order of the table.
        references: methods that the arms are measured against.
        notes: remarks on the template for readers of the results, a sentence each.
        sources: plans of the trainings that arms start from, by name.
        draws: its data by phase and replicate, where each has other classes.
    """

    study: Study
    card: Card
    codes: Mapping[str, str]
    arms: tuple[Arm, ...]
    references: tuple[Reference, ...] = ()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, Plan] = field(default_factory=dict)
    draws: Mapping[tuple[Phase, int], Card] = field(default_factory=dict)

    @property
    def rows(self) -> tuple[Arm | Reference, ...]:
        """Everything with trials, by index: the arms, then the references."""
        return (*self.arms, *self.references)

    @property
    def code(self) -> str:
        """Fingerprint of all user code that the study names."""
        return _joined(self.codes)

    @property
    def metric(self) -> Metric:
        """Metric that decides."""
        return self.study.deciding

    def wanted(self, row: Arm | Reference, phase: Phase) -> tuple[str, ...]:
        """Metrics and diagnostics that a trial is not done without.

        A reference measures what it can, and has no inside.
        """
        if isinstance(row, Reference):
            return ()
        tune, inside = self.study.tune, self.study.diagnostics
        if tune and phase == "tune":
            return (str(tune.aim),)
        return (str(self.metric), *((inside.text,) if inside else ()))

    def sizes(self) -> dict[str, int]:
        """Number of trials by phase."""
        tune = self.study.tune
        searched = tune.trials * tune.replicates if tune else 0
        found = {
            "tune": len(self.arms) * searched,
            "confirm": len(self.arms) * self.study.replicates,
            "reference": len(self.references) * self.study.replicates,
        }
        return {**found, "source": self._pretrainings()} if self.sources else found

    def _pretrainings(self) -> int:
        """Number of trainings that arms start from, what is tuned aside."""
        given = [{**self.study.fixed, **arm.levels} for arm in self.arms]
        keys = {one.key for levels in given for one in self._source(levels, "confirm", 0)}
        if catalog.TASKS[self.card.task].generates and not self.draws:
            return len(keys)
        tune = self.study.tune
        return len(keys) * (self.study.replicates + (tune.replicates if tune else 0))

    def trial(
        self,
        row: Arm | Reference,
        hyperparameters: Mapping[str, Value],
        phase: Phase,
        replicate: int,
    ) -> Trial:
        """One training of an arm, or one measurement of a reference on the same splits."""
        study, card = self.study, self.draws.get((phase, replicate), self.card)
        needs: tuple[Trial, ...] = ()
        if isinstance(row, Reference):
            chosen = catalog.choice("reference", row.method)
            name, given, code = chosen.name, {**chosen.setting(), **splitting(study, row.data)}, ""
        else:
            name, given = study.template, settings(study, card, row.levels, hyperparameters)
            named = {name, *own(name, given), given.get("trunk")}
            code = _joined({one: self.codes[one] for one in self.codes if one in named})
            levels = {**study.fixed, **row.levels, **hyperparameters}
            needs = self._source(levels, phase, replicate)
            if levels.get("source") == "longer":
                given = sources.lengthened(given, card, self._longest(levels))
        return Trial(
            template=name,
            settings=given,
            dataset=card.locator,
            data=card.digest,
            task=card.task,
            code=code,
            seed=study.seed,
            phase=phase,
            replicate=replicate,
            best=study.best,
            threads=study.threads,
            needs=needs,
        )

    def _source(
        self, given: Mapping[str, Value], phase: Phase, replicate: int
    ) -> tuple[Trial, ...]:
        """The training that a trial starts from, in the same phase and replicate; none if none.

        Generators of images need a classifier, the same one in all replicates of the same data.
        """
        if catalog.TASKS[self.card.task].generates:
            judges = [*self.sources.values()] if phase == "confirm" else []
            own = replicate if self.draws else 0
            return tuple(one.trial(one.arms[0], {}, "confirm", own) for one in judges)
        name = sources.chosen(given)
        if not name:
            return ()
        source = self.sources[name]
        arm = Arm(index=0, levels=sources.shared(source.study, given))
        return (source.trial(arm, {}, phase, replicate),)

    def _longest(self, given: Mapping[str, Value]) -> int:
        """Steps of the longest source that an arm could start from."""
        found = []
        for source in self.sources.values():
            one = settings(source.study, source.card, sources.shared(source.study, given), {})
            found.append(catalog.training(one).epochs * sources.steps(one, source.card))
        return max(found)


def count(study: Study) -> int:
    """Number of trials, without building any of them."""
    arms = prod(len(levels) for levels in study.factors.values())
    searched = study.tune.trials * study.tune.replicates if study.tune else 0
    references = len(catalog.references(study))
    return arms * (searched + study.replicates) + references * study.replicates


def check_size(study: Study, *, yes: bool) -> None:
    """Refuse a study that is larger than anyone is likely to mean.

    Raises:
        StudyError: if it has more than 100,000 trials and ``yes`` is not set.
    """
    trials = count(study)
    if trials > MANY and not yes:
        raise StudyError(
            f"expected at most {MANY:,} trials. Received: {trials:,}. If that is meant, add --yes.",
            key="factors",
        )


def arms(study: Study) -> Iterator[Arm]:
    """All combinations of levels: the full factorial, last factor fastest."""
    names = list(study.factors)
    for index, levels in enumerate(product(*study.factors.values())):
        yield Arm(index=index, levels=dict(zip(names, levels, strict=True)))


def baseline(study: Study) -> Arm:
    """The arm that the others are compared with."""
    wanted = {
        factor: study.baseline.get(factor, levels[0]) for factor, levels in study.factors.items()
    }
    return next(arm for arm in arms(study) if arm.levels == wanted)


def plan(study: Study, card: Card, folders: Sequence[Path], searched: int = 0) -> Plan:
    """Check a study against everything it names, and lay out its arms.

    Args:
        study: the study.
        card: of all its data, with those of its sources.
        folders: folders to search for user modules.
        searched: replicates of a search that is not its own, but of the study that it serves.

    Raises:
        StudyError: naming the key, what was expected and what was received.
    """
    whole, card = card, filled(study, viewed(study, card))
    study = settle(study, card)
    searched = study.tune.replicates if study.tune else searched
    check_names(study, folders)
    check_metrics(study, card)
    check_data(study, card)
    draws = _draws(study, whole, searched)
    made = _sources(study, card, folders, searched)
    judge = sources.classifier(study, card)
    if judge:
        made[sources.CLASSIFIER] = plan(judge, whole, folders)
    references = catalog.references(study)
    check_references(study, card, references)
    codes = {name: usercode.fingerprint(name, folders) for name in user_code(study, folders)}
    codes |= sources.saved(study)
    return Plan(
        study=study,
        card=replace(
            card,
            sources={name: one.card for name, one in made.items()},
            draws=tuple(draws.values()),
        ),
        draws=draws,
        codes=codes,
        arms=tuple(arms(study)),
        references=references,
        sources=made,
        notes=(
            *unpassed(study.template, folders),
            *_judged(study, references),
            *looks.check(study, card, arms(study)),
        ),
    )


TUNED = 1_000_000
"""Number of the first draw of classes that a search has, far from those of confirm trials."""


def _draws(study: Study, whole: Card, searched: int) -> dict[tuple[Phase, int], Card]:
    """Data by phase and replicate, each draw checked; none where all replicates have the same."""
    if not is_redrawn(study.dataset):
        return {}
    phases: dict[tuple[Phase, int], int] = {
        **{("confirm", one): one for one in range(study.replicates)},
        **{("tune", one): TUNED + one for one in range(searched)},
    }
    found = {}
    for place, draw in phases.items():
        found[place] = filled(study, viewed(study, whole, draw))
        check_data(study, found[place])
    return found


def _sources(study: Study, card: Card, folders: Sequence[Path], searched: int) -> dict[str, Plan]:
    """Plans of a study's sources, each checked as a study of its own.

    Raises:
        StudyError: naming the source, and what is wrong with it or between it and the data.
    """
    sources.check(study)
    made = {}
    for name in study.sources:
        try:
            one = plan(sources.pretraining(study, name), card.sources[name], folders, searched)
        except StudyError as error:
            raise StudyError(error.message, key=f"sources.{name}.{error.key}".rstrip(".")) from None
        sources.check_meets(one.card, card, name)
        made[name] = one
    return made


def _judged(study: Study, references: Sequence[Reference]) -> tuple[str, ...]:
    """Notes on how a study will be judged."""
    notes = []
    metric = study.deciding
    if (metric.split, metric.epoch) == ("val", "best"):
        notes.append(
            f"{metric} is of the validation cases that choose the epoch, and so too good; "
            f"{metric.model_copy(update={'split': 'test'})} is of cases that choose nothing"
        )
    count = prod(map(len, study.factors.values())) - 1
    if count and not set(study.baseline) >= set(study.factors):
        notes.append(
            f"no baseline is declared: the first arm, {baseline(study).label}, serves as one. "
            f"Verdicts depend on it; `baseline = {{ {_first(study)} }}` declares it"
        )
    met = sum(one.meets(arm) for one in references for arm in arms(study))
    for family, whose in ((count, ""), (met, " with references")):
        fewest = fewest_pairs(family, round(1 - study.confidence, 12)) if family else 0
        if study.replicates < fewest:
            notes.append(
                f"{study.replicates} replicates cannot decide {family} "
                f"comparison{'s' if family > 1 else ''}{whose}: the exact test needs {fewest} "
                f"(replicates = {fewest})"
            )
    return tuple(notes)


def _first(study: Study) -> str:
    """Baseline as a study file declares it."""
    levels = baseline(study).levels
    return ", ".join(f"{_key(name)} = {json.dumps(level)}" for name, level in levels.items())


def _key(name: str) -> str:
    """A key of a study file, quoted where a dot would divide it."""
    return json.dumps(name) if "." in name else name


def programs(plan: Plan) -> dict[str, tuple[Trial, list[Arm]]]:
    """One trial per program, with the arms that share it, before anything is tuned.

    What is tuned stands at the low end of its range, or at its first choice.
    """
    space = plan.study.tune.space if plan.study.tune else {}
    low = {
        name: part.values[0] if isinstance(part, Choices) else part.min
        for name, part in space.items()
    }
    found: dict[str, tuple[Trial, list[Arm]]] = {}
    for arm in plan.arms:
        trial = plan.trial(arm, low, "confirm", 0)
        found.setdefault(program_key(trial, plan.card), (trial, []))[1].append(arm)
    return found


def changes(old: Definition, plan: Plan) -> list[str]:
    """List what differs between a plan and the store's last run: keys, data, user code."""
    keys = changed_keys(old.study, plan.study)
    data = ["the data"] if old.data != plan.card.digest else []
    return [*keys, *data, *(["your code"] if old.code != plan.code else [])]


def check_place(old: Definition, plan: Plan, finished: int) -> None:
    """Refuse to let a study hide the results of another one with the same name.

    More arms, replicates or other settings make it no other study, nor does edited code: that is
    told by ``changes``. Another template does, and other data.

    Args:
        old: definition that the store was last run with.
        plan: plan that is to be run.
        finished: trials of the old one that have a result.

    Raises:
        StudyError: saying what differs, what would be kept, and what to do.
    """
    found = [key for key in changes(old, plan) if key in {"template", "the data"}]
    if not (found and finished):
        return
    raise StudyError(
        f"expected a name that no other study has. Received: {plan.study.name!r}, of which "
        f"{finished} finished trials are there, with other {' and other '.join(map(_bare, found))}"
        f" ({old.study.template}, content {old.data[:8]}; now {plan.study.template}, content "
        f"{plan.card.digest[:8]}). The new report would show none of them. Choose another name or "
        "another --root. Or add --replace: the old trials stay in the store, and running the old "
        "study with --replace shows them again without training.",
        key="name",
    )


def _bare(what: str) -> str:
    return what.removeprefix("the ")


def changed_keys(old: Study, new: Study) -> list[str]:
    """Keys that differ between two definitions of a study.

    Example:
        >>> a = Study(name="a", template="mlp", factors={"activation": ["relu"]})
        >>> changed_keys(a, a.model_copy(update={"replicates": 20}))
        ['replicates']
    """
    before, after = (study.model_dump(mode="json", by_alias=True) for study in (old, new))
    return [key for key in after if before[key] != after[key]]


def _joined(codes: Mapping[str, str]) -> str:
    """One fingerprint of several; of a single one, itself."""
    return digest(sorted(codes.items())) if len(codes) > 1 else "".join(codes.values())
