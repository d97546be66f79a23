"""Names from other tools for keys of a study: spelling, synonyms, and near misses."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

NEAR = 0.75
"""Similarity from which a word is likely to be a slip of another."""

SYNONYMS: Mapping[str, Sequence[str]] = {
    word: tuple(names.split())
    for line in (
        "lr learningrate eta stepsize: learning_rate",
        "batch bs minibatch minibatchsize: batch_size",
        "shuffle shuffling order: batch_order",
        "droplast dropremainder remainder: last_batch",
        "earlystopping earlystop: patience",
        "epoch numepochs nepochs maxepochs: epochs",
        "hidden hiddenunits hiddensize hiddenlayers hiddendim layers neurons width: units",
        "channels numfilters kernels: filters",
        "kernelinitializer init weightinit weightinitializer: initializer",
        "kernelregularizer weightregularizer penalty l1 l2 l1l2: regularizer",
        "kernelconstraint maxnorm: constraint",
        "dropoutrate drop rate: dropout rate",
        "decay wd: weight_decay",
        "valsplit validationsplit valsize validationsize: validation",
        "scheduler lrschedule lrscheduler learningrateschedule decayschedule: schedule",
        "clipnorm clipvalue globalclipnorm gradclip gradientclipping clipping: clip",
        "batchnorm batchnormalization bn norm layernorm: normalization",
        "act activationfunction activationfn nonlinearity: activation",
        "opt optim: optimizer",
        "lossfunction lossfn criterion objective: loss objective",
        "classweights sampleweight: class_weight",
        "latent latentdim latentsize codedim codesize bottlenecksize encodingdim: code",
        "vocabsize vocabularysize numtokens inputdim: vocabulary",
        "embeddingdim embeddingsize embedsize: embedding",
        "alpha slope leakiness: negative_slope alpha",
        "eps: epsilon",
        "data dataset: dataset",
        "model network architecture: template",
        "repeats repetitions runs trials seeds nseeds numseeds nreplicates: replicates",
        "randomseed randomstate: seed",
        "metrics: metric",
        "search searchspace hyperparameters hparams tuner: tune",
        "maxtrials ntrials: trials",
        "executionspertrial: replicates",
        "monitor: best",
        "params parameters config settings constants hyperparams: fixed",
        "grid variables sweep levels: factors",
        "title description: question",
        "tolerance: margin",
        "targets label labels: target",
        "columns features: inputs",
        "path filename: file folder",
    )
    for words, _, names in [line.partition(":")]
    for word in words.split()
}
"""Names of a key in other tools, folded, and the keys here that they may mean, best first."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def fold(word: str) -> str:
    """Name without the differences people make: case, ``_``, ``-`` and spaces.

    Example:
        >>> fold("LeakyReLU") == fold("leaky_relu") == fold("Leaky-ReLU")
        True
    """
    return "".join(letter for letter in word.lower() if letter.isalnum())


def near(word: str, names: Collection[str]) -> str | None:
    """Valid name that a word stands for, or that it likely misspells.

    Example:
        >>> near("code_size", ["batch_size", "code"]), near("tile_size", ["batch_size", "code"])
        ('code', None)
    """
    if word in names:
        return word
    plain = fold(word)
    for name in names:
        if plain and fold(name) == plain:
            return name
    for name in SYNONYMS.get(plain, ()):
        if name in names:
            return name
    for name in names:
        if len(plain) > 2 and sorted(fold(name)) == sorted(plain):  # letters that changed places
            return name
    lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), lower, n=1, cutoff=NEAR)
    return lower[close[0]] if close else _begun(word, names)


def _begun(word: str, names: Collection[str]) -> str | None:
    """Name that the word begins with, or the only name that begins with the word, part by part."""
    parts = _parts(word)
    begins = [name for name in names if _parts(name) and parts[: len(_parts(name))] == _parts(name)]
    if begins:
        return max(begins, key=len)
    goes_on = [name for name in names if parts and _parts(name)[: len(parts)] == parts]
    return goes_on[0] if len(goes_on) == 1 else None


def _parts(word: str) -> list[str]:
    return [part.lower() for part in _PARTS.findall(word)]
