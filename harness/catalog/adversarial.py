"""Literal tables for a critic and its generator: losses, penalties, normalizations, metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Metric, Number

if TYPE_CHECKING:
    from collections.abc import Mapping

_SMOOTHED = {"smoothing": Number(default=0.0, high=1.0)}
ADVERSARIAL_LOSSES: Mapping[str, Entry] = {
    "minimax": Entry(
        target="harness.blocks.adversarial:minimax",
        numbers=_SMOOTHED,
        aliases=("saturating", "zero_sum"),
        note="the zero-sum game; targets of real cases are 1 - smoothing",
        source="Goodfellow et al. 2014; Salimans et al. 2016",
    ),
    "non_saturating": Entry(
        target="harness.blocks.adversarial:non_saturating",
        numbers=_SMOOTHED,
        aliases=("ns",),
        note="the same critic; the generator maximizes log D instead of minimizing log(1 - D)",
        source="Goodfellow et al. 2014; Salimans et al. 2016",
    ),
    "least_squares": Entry(
        target="harness.blocks.adversarial:least_squares",
        numbers=_SMOOTHED,
        aliases=("lsgan",),
        note="scores pulled to 1 - smoothing for real cases and to 0 for generated ones",
        source="Mao et al. 2017",
    ),
    "hinge": Entry(
        target="harness.blocks.adversarial:hinge",
        note="scores beyond 1 and -1 cost the critic nothing",
        source="Lim & Ye 2017; Miyato et al. 2018",
    ),
    "wasserstein": Entry(
        target="harness.blocks.adversarial:wasserstein",
        aliases=("wgan",),
        note="difference of mean scores; with weight_limit, a penalty or spectral normalization",
        source="Arjovsky et al. 2017",
    ),
}

CRITIC_PENALTIES: Mapping[str, Entry] = {
    "none": Entry(target="", note="no penalty"),
    "gradient_penalty": Entry(
        target="harness.blocks.adversarial:gradient_penalty",
        numbers={"weight": Number(default=10.0)},
        flags={"one_sided": False},
        aliases=("gp", "wgan_gp"),
        note="weight * E (|gradient| - 1)^2 between real and generated cases; 0.1 in two "
        "dimensions; not with batch normalization in the critic",
        source="Gulrajani et al. 2017; one-sided: Petzka et al. 2018",
    ),
    "r1": Entry(
        target="harness.blocks.adversarial:r1",
        numbers={"gamma": Number(default=10.0)},
        note="gamma / 2 * E |gradient|^2 at real cases; not with batch normalization in the critic",
        source="Mescheder et al. 2018",
    ),
}

CRITIC_NORMALIZATIONS: Mapping[str, Entry] = {
    "none": Entry(target="", note="no normalization"),
    "layer": Entry(
        target="keras.layers:LayerNormalization",
        note="of hidden layers, over units and places of a case",
        source="Ba et al. 2016",
    ),
    "batch": Entry(
        target="keras.layers:BatchNormalization",
        note="of hidden layers but the first; real and generated cases are batches of their own",
        source="Ioffe & Szegedy 2015; Radford et al. 2016",
    ),
    "spectral": Entry(
        target="harness.blocks.spectral:Spectral",
        note="every kernel divided by its largest singular value, one power iteration per step "
        "of the critic, slopes of that value included",
        source="Miyato et al. 2018",
    ),
    "spectral_projection": Entry(
        target="keras.layers:SpectralNormalization",
        note="Keras' layer: in every pass of training the kernel itself is replaced by the "
        "divided one, so that it is a projection without a slope of its own",
        source="Keras 3",
    ),
}

_GENERATED = frozenset({"generation"})
SAMPLE_METRICS: Mapping[str, Metric] = {
    "mode_total_variation": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        limited=True,
        modes=True,
        aliases=("mode_tv",),
        note="half the sum of what each mode has too much or too little, and of what is within 3 "
        "deviations of none; 1 - 1/K for one of K modes",
    ),
    "modes_with_one_sample": Metric(
        direction="maximize",
        scale="identity",
        tasks=_GENERATED,
        modes=True,
        note="modes with at least one sample within 3 deviations (Srivastava et al. 2017)",
    ),
    "modes_with_1_percent": Metric(
        direction="maximize",
        scale="identity",
        tasks=_GENERATED,
        modes=True,
        note="modes with at least 1 % of all samples within 3 deviations; for fewer than 50 modes",
    ),
    "high_quality": Metric(
        direction="maximize",
        scale="identity",
        tasks=_GENERATED,
        percent=True,
        modes=True,
        note="share of samples within 3 deviations of the nearest mode; of the data itself 98.9 % "
        "in two dimensions",
    ),
    "frechet_distance": Metric(
        direction="minimize",
        scale="log",
        tasks=_GENERATED,
        widest=64,
        test_only=True,
        note="between normal distributions of the features' means and covariances (Heusel et al. "
        "2017); grows with the inverse of the number of cases, so compare equal numbers only",
    ),
    "kernel_distance": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        widest=64,
        test_only=True,
        aliases=("kid", "mmd"),
        note="unbiased squared MMD of features with a cubic kernel; about 0, and below it half of "
        "the time, where nothing differs (Binkowski et al. 2018)",
    ),
    "classifier_frechet_distance": Metric(
        direction="minimize",
        scale="log",
        tasks=_GENERATED,
        of_classes=True,
        ranks=(2, 3),
        fewest=65,
        test_only=True,
        note="frechet_distance of the last features of a small classifier of the same data, "
        "trained once; no FID, whose features are another network's; within a study only",
    ),
    "classifier_kernel_distance": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        of_classes=True,
        ranks=(2, 3),
        fewest=65,
        test_only=True,
        note="kernel_distance of the same features; about 0, and below it half of the time, where "
        "nothing differs",
    ),
    "classifier_frechet_floor": Metric(
        direction="minimize",
        scale="log",
        tasks=_GENERATED,
        of_classes=True,
        ranks=(2, 3),
        fewest=65,
        test_only=True,
        note="what as many training cases in place of generated ones get by "
        "classifier_frechet_distance: that of a perfect generator",
    ),
    "classifier_kernel_floor": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        of_classes=True,
        ranks=(2, 3),
        fewest=65,
        test_only=True,
        note="the same floor of classifier_kernel_distance; about 0",
    ),
    "critic_accuracy": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        percent=True,
        test_only=True,
        note="share of test and of generated cases that the critic tells apart, 50 % where it "
        "cannot; of a critic that judges packs, of packs; none of a Wasserstein critic, whose "
        "scores have no threshold. It tells of the game, not of the cases",
    ),
    "near_duplicates": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        percent=True,
        test_only=True,
        note="share of samples nearer to a training case than 99 % of the test cases are; of the "
        "data itself 1 %",
    ),
    "collapse": Metric(
        direction="minimize",
        scale="identity",
        tasks=_GENERATED,
        percent=True,
        fewest=6,
        note="share of test cases without a sample as near as their fifth neighbour; of the data "
        "itself 3.1 % (1 - coverage, Naeem et al. 2020)",
    ),
}
"""Metrics of generated cases; ``harness.evaluation.samples`` has a function of each name."""
