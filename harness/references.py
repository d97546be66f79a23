"""Methods that train no network, measured on the same splits and by the same metrics as arms.

Each is fitted on the training cases of a replicate, sees the same noise in its test inputs, and
is deterministic for a replicate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage
from threadpoolctl import threadpool_limits

from harness import catalog, evaluation, seeds
from harness.targets import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.card import Card
    from harness.spec import Trial

    Array = NDArray[np.floating]
    Labels = NDArray[np.generic]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Cases of one replicate, as a reference method receives them.

    Args:
        x: training cases.
        y: their labels.
        x_test: test cases.
        y_test: their labels; of anomalies 1.
        seen: test cases as a method is shown them, perhaps with noise.
    """

    x: Array
    y: Labels
    x_test: Array
    y_test: Labels
    seen: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer of a reference method for the test cases.

    Args:
        outputs: reconstructions, of the shape of the test cases; or numbers, as their labels.
        scores: how anomalous each test case is, where there is no reconstruction.
        codes: of training and test cases, where there are such.
    """

    outputs: Array | None = None
    scores: Array | None = None
    codes: tuple[Array, Array] | None = None


def answer(trial: Trial, split: Split) -> evaluation.Evidence:
    """Evidence of a method, fitted on the training cases.

    Args:
        trial: says which method, with its numbers.
        split: of the trial's replicate.
    """
    chosen = catalog.settled("reference", _method(trial))
    generator = seeds.stream(trial.seed, trial.phase, trial.replicate, "reference", chosen.name)
    with threadpool_limits(trial.threads):
        found = resolve(chosen.entry.target)(split, generator, **chosen.arguments)
    return evaluation.Evidence(
        labels=split.y_test,
        outputs=found.outputs,
        inputs=split.x_test,
        scores=found.scores,
        codes=found.codes and _codes(split, *found.codes),
    )


def _method(trial: Trial) -> dict[str, Any]:
    return {key: part for key, part in trial.settings.items() if key not in catalog.SPLITTING}


def measure(shown: evaluation.Evidence, card: Card) -> dict[str, float]:
    """Test metrics of a method by name.

    Args:
        shown: its evidence.
        card: of the data.
    """
    found = evaluation.measure(shown, card)
    if shown.outputs is None:
        return found
    wanted = shown.inputs if catalog.TASKS[card.task].reconstructs else shown.labels
    both = np.asarray(wanted, np.float64), np.asarray(shown.outputs, np.float64)
    means = {
        name: float(np.mean(of_case(*both)))
        for name, of_case in evaluation.of_task(card.task).items()
    }
    return means | found


def _codes(split: Split, known: Array, unknown: Array) -> evaluation.Codes:
    return evaluation.Codes(
        train=known,
        labels=split.y,
        test=unknown,
        test_labels=split.y_test,
        inputs=split.x_test,
    )


def pca(split: Split, generator: np.random.Generator, *, components: int) -> Answer:  # noqa: ARG001
    """Projection onto the principal components of the training cases.

    Reference:
        Hotelling, "Analysis of a Complex of Statistical Variables into Principal Components",
        1933.
    """
    from sklearn.decomposition import PCA

    known = _flat(split.x)
    solver = "covariance_eigh" if known.shape[1] <= len(known) else "full"  # both are exact
    fitted = PCA(components, svd_solver=solver).fit(known)
    known, unknown = (fitted.transform(_flat(part)) for part in (split.x, split.seen))
    outputs = fitted.inverse_transform(unknown).reshape(split.x_test.shape)
    return Answer(outputs=outputs.astype(np.float32), codes=(known, unknown))


def least_squares(
    split: Split, generator: np.random.Generator, *, l2: float, dropout: float, inputs: int
) -> Answer:
    r"""Linear model with the smallest squared error, penalties added, in closed form.

    The sum over cases :math:`i` of :math:`(y_i - b - w \cdot x_i)^2 + \frac{p}{1-p} \sum_j (w_j
    x_{ij})^2`, with :math:`\lambda |w|^2` added, is as small as it can be; of several solutions it
    is the one whose weights, the bias among them, have the smallest sum of squares.

    The last sum is what inverted dropout of the inputs adds in expectation. Nothing is asked of
    the bias.

    Args:
        split: its data.
        generator: of the choice of inputs.
        l2: the factor :math:`\lambda`, of a sum over cases: a penalty on the mean is as many times
            smaller as there are cases.
        dropout: share :math:`p` of the inputs that is dropped.
        inputs: how many of the inputs are looked at, drawn at random, fewer among more of them;
            0: all.

    Reference:
        Wager, Wang & Liang, "Dropout Training as Adaptive Regularization", 2013; Belkin, Hsu & Xu,
        "Two Models of Double Descent for Weak Features", 2020.
    """
    order = seeds.permutation(generator, _flat(split.x).shape[1])
    chosen = np.sort(order[: inputs or None])
    known, unknown = (
        np.column_stack([_flat(part)[:, chosen], np.ones(len(part))]).astype(np.float64)
        for part in (split.x, split.seen)
    )
    penalty = l2 + dropout / (1 - dropout) * np.square(known).sum(axis=0)
    penalty[-1] = 0.0
    stacked = np.vstack([known, np.diag(np.sqrt(penalty))]) if penalty.any() else known
    wanted = np.vstack([split.y, np.zeros((len(stacked) - len(known), split.y.shape[1]))])
    weights = np.linalg.lstsq(stacked, wanted, rcond=None)[0]
    return Answer(outputs=unknown @ weights)


def isolation_forest(
    split: Split, generator: np.random.Generator, *, trees: int, samples: int
) -> Answer:
    """Score cases by how few random cuts isolate them.

    Reference:
        Liu, Ting & Zhou, "Isolation Forest", 2008.
    """
    from sklearn.ensemble import IsolationForest

    fitted = IsolationForest(
        n_estimators=trees,
        max_samples=min(samples, len(split.x)),
        random_state=int(generator.integers(2**31)),
    ).fit(_flat(split.x))
    return Answer(scores=-fitted.score_samples(_flat(split.seen)))


def one_class_svm(split: Split, generator: np.random.Generator, *, nu: float) -> Answer:  # noqa: ARG001
    """The distance to a smooth surface around most training cases.

    Reference:
        Schoelkopf et al., "Estimating the Support of a High-Dimensional Distribution", 2001.
    """
    from sklearn.svm import OneClassSVM

    fitted = OneClassSVM(nu=nu, gamma="scale").fit(_flat(split.x))
    return Answer(scores=-fitted.score_samples(_flat(split.seen)))


def noisy_input(split: Split, generator: np.random.Generator) -> Answer:  # noqa: ARG001
    """Return the noisy inputs unchanged."""
    return Answer(outputs=split.seen)


def median_filter(split: Split, generator: np.random.Generator, *, size: int) -> Answer:  # noqa: ARG001
    """The median of every neighbourhood of ``size`` times ``size`` pixels.

    Reference:
        Tukey, "Exploratory Data Analysis", 1977.
    """
    window = (1, size, size, *(1 for _ in split.seen.shape[3:]))
    return Answer(outputs=ndimage.median_filter(split.seen, window, mode="mirror"))


def _flat(x: Array) -> Array:
    return np.reshape(x, (len(x), -1))
