"""Sources of variance in a full factorial."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


class Source(NamedTuple):
    """A part of the variance.

    Args:
        terms: factors that it belongs to; one is a main effect, several an interaction. Empty for
            the replicates and for what is left.
        name: ``replicate``, ``rest``, or empty for ``terms``.
        freedom: degrees of freedom.
        squares: sum of squares.
        share: of the total, eta squared; the shares sum to 1.
        omega: partial omega squared, which takes off what chance alone would give, and so may be
            below 0; NaN for replicates and rest.
    """

    terms: tuple[str, ...]
    name: str
    freedom: int
    squares: float
    share: float
    omega: float


def variance_shares(names: Sequence[str], values: ArrayLike) -> list[Source]:
    """Split the variance of a balanced factorial, replicates as blocks.

    Every replicate holds each combination of levels once. With sums of squares ``SS`` and the mean
    square of the rest ``MSE``, the share is ``SS / SS_total`` and partial omega squared
    ``(SS - df MSE) / (SS + (N - df) MSE)``.

    Args:
        names: of the factors.
        values: finite, shape ``(levels, levels, ..., replicates)``.

    Returns:
        Main effects, then interactions, then replicates and rest. Empty where nothing varies, or
        fewer than two replicates leave no rest.

    Example:
        >>> found = variance_shares(["a"], [[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
        >>> [(one.terms or one.name, round(one.share, 2)) for one in found]
        [(('a',), 0.6), ('replicate', 0.4), ('rest', 0.0)]

    Reference:
        Olejnik and Algina, "Generalized Eta and Omega Squared Statistics", 2003.
    """
    cube = np.asarray(values, dtype=np.float64)
    varied = [axis for axis in range(cube.ndim - 1) if cube.shape[axis] > 1]
    if cube.shape[-1] < 2 or not varied or not np.ptp(cube):
        return []
    table = _analysis(cube, varied)
    total, (_, left) = float(table["sum_sq"].sum()), table.loc["Residual", ["df", "sum_sq"]]
    error = left / table.loc["Residual", "df"]
    found = []
    for row in table.itertuples():
        squares, freedom = float(row.sum_sq), round(row.df)
        places = [int(part[3:-1]) for part in row.Index.split(":") if part.startswith("C(f")]
        apart = squares + (cube.size - freedom) * error
        omega = (squares - freedom * error) / apart if places and apart else np.nan
        name = "" if places else {"Residual": "rest"}.get(row.Index, "replicate")
        terms = tuple(names[place] for place in places)
        found.append(Source(terms, name, freedom, squares, squares / total, float(omega)))
    return sorted(found, key=lambda one: (not one.terms, one.name == "rest", len(one.terms)))


def _analysis(cube: np.ndarray, varied: Sequence[int]) -> pd.DataFrame:
    """The table of the analysis of variance, of factors named by their place."""
    # Loaded here: it takes longer than all else that reports load.
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    places = np.array(list(product(*map(range, cube.shape))))
    frame = pd.DataFrame({f"f{axis}": places[:, axis] for axis in varied})
    frame["r"], frame["y"] = places[:, -1], cube.ravel() - cube.mean()
    terms = "*".join(f"C(f{axis})" for axis in varied)
    with np.errstate(all="ignore"):  # F is undefined without a residual, and not used
        return anova_lm(ols(f"y ~ {terms} + C(r)", data=frame).fit())
