"""Named estimators and intervals: pure functions of arrays.

Differences are taken replicate by replicate on the metric's declared scale, where a positive
or negative infinity stands for a comparison with a diverged trial, or for a loss of zero.
"""

from reports.estimates.anova import Source, variance_shares
from reports.estimates.bands import Band, band
from reports.estimates.effects import (
    Share,
    correlation,
    pairing_gain,
    share,
    standardized,
    superiority,
)
from reports.estimates.exact import (
    Tested,
    sign_flips,
    signed_ranks,
    smallest_p,
    typical,
)
from reports.estimates.means import Interval, t_interval
from reports.estimates.medians import median
from reports.estimates.power import power, replicates_needed
from reports.estimates.relating import Relation, pooled, within
from reports.estimates.resolution import replicates_to_resolve
from reports.estimates.savings import Saving, isotonic, savings
from reports.estimates.scales import RESOLUTION, Scale, differences, on_scale, tolerance
from reports.estimates.similarity import FEWEST, cka, ckas

__all__ = [
    "FEWEST",
    "RESOLUTION",
    "Band",
    "Interval",
    "Relation",
    "Saving",
    "Scale",
    "Share",
    "Source",
    "Tested",
    "band",
    "cka",
    "ckas",
    "correlation",
    "differences",
    "isotonic",
    "median",
    "on_scale",
    "pairing_gain",
    "pooled",
    "power",
    "replicates_needed",
    "replicates_to_resolve",
    "savings",
    "share",
    "sign_flips",
    "signed_ranks",
    "smallest_p",
    "standardized",
    "superiority",
    "t_interval",
    "tolerance",
    "typical",
    "variance_shares",
    "within",
]
