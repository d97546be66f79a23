"""Literal tables of the changes to an autoencoder's inputs and of the demands on its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.catalog.entries import Entry, Number

if TYPE_CHECKING:
    from collections.abc import Mapping

CORRUPTIONS: Mapping[str, Entry] = {
    "none": Entry(target="", note="the inputs as they are"),
    "gaussian": Entry(
        target="harness.blocks.noise:GaussianNoise",
        numbers={"stddev": Number(default=0.3)},
        note="normal noise added",
        source="Vincent et al. 2008, 2010",
    ),
    "masking": Entry(
        target="harness.blocks.noise:Masking",
        numbers={"rate": Number(default=0.3, high=1.0)},
        note="a share of the inputs set to zero",
        source="Vincent et al. 2008",
    ),
    "salt_pepper": Entry(
        target="harness.blocks.noise:SaltPepper",
        numbers={"rate": Number(default=0.3, high=1.0)},
        note="a share of the inputs set to 0 or 1, each with probability a half",
        source="Vincent et al. 2010",
    ),
}

BOTTLENECKS: Mapping[str, Entry] = {
    "plain": Entry(target="", note="the code as it is: undercomplete if it is narrow"),
    "sparse_l1": Entry(
        target="harness.blocks.bottleneck:SparseL1",
        numbers={"weight": Number(default=1e-3)},
        note="weight * mean over cases of sum |code|",
        source="Olshausen & Field 1996",
    ),
    "sparse_kl": Entry(
        target="harness.blocks.bottleneck:SparseKL",
        numbers={
            "weight": Number(default=1e-2),
            "target": Number(default=0.05, low=1e-6, high=1 - 1e-6),
        },
        note="weight * sum over units of KL(target || mean activation); the code is a sigmoid",
        source="Ng 2011, CS294A lecture notes",
    ),
    "contractive": Entry(
        target="harness.blocks.bottleneck:Contractive",
        numbers={"weight": Number(default=1e-3)},
        note="weight * mean of the squared Jacobian norm, in closed form for one sigmoid layer",
        source="Rifai et al. 2011",
    ),
    "variational": Entry(
        target="harness.blocks.bottleneck:Variational",
        numbers={"beta": Number(default=1e-3)},
        note="a normal code, drawn in training; beta * KL to the standard normal",
        source="Kingma & Welling 2014; Higgins et al. 2017",
    ),
}
