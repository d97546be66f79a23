"""Other people's words: accepted where only one thing can be meant, else told what is meant."""

from __future__ import annotations

import pytest

from harness import catalog, datasets, design
from harness.errors import StudyError, nearest
from harness.spec import Metric, Study, label
from harness.targets import code_name
from harness.words import SYNONYMS, fold, near

ALL = [(family, name) for family, entries in catalog.FAMILIES.items() for name in entries]


def names():
    """Everything that some table of the catalogue, or a study file, has a key for."""
    arguments = {key for table in catalog.ARGUMENTS.values() for key in table}
    numbers = {
        key
        for entries in catalog.FAMILIES.values()
        for entry in entries.values()
        for key in (*entry.numbers, *entry.flags, *entry.options)
    }
    more = {"file", "folder", "target", "inputs", "trials", "objective"}
    return arguments | numbers | {*Study.model_fields} | more


@pytest.mark.parametrize(("family", "name"), ALL)
def test_what_outputs_print_is_read_back(family, name):
    """The label of a choice, with all its numbers or with its name alone, is that choice."""
    chosen = catalog.choice(family, name)
    assert catalog.choice(family, label(chosen.setting())) == chosen
    assert catalog.choice(family, label(name)) == chosen


@pytest.mark.parametrize("family", sorted(catalog.FAMILIES))
def test_no_two_entries_have_a_spelling_in_common(family):
    """Whatever case and underscores are written, one entry is meant."""
    entries = catalog.FAMILIES[family]
    folded = [{fold(one) for one in (key, *entry.aliases)} for key, entry in entries.items()]
    assert sum(map(len, folded)) == len(set().union(*folded))


@pytest.mark.parametrize("table", [catalog.LOSSES, catalog.METRICS], ids=["losses", "metrics"])
def test_no_two_losses_or_metrics_have_a_spelling_in_common(table):
    """As for the families."""
    folded = [{fold(one) for one in (key, *entry.aliases)} for key, entry in table.items()]
    assert sum(map(len, folded)) == len(set().union(*folded))


@pytest.mark.parametrize(
    ("family", "word", "name"),
    [
        ("activation", "ReLU", "relu"),
        ("activation", "LeakyReLU", "leaky_relu"),
        ("activation", "Hardswish", "hard_silu"),
        ("activation", "LogSoftmax", "log_softmax"),
        ("initializer", "HeNormal", "he_normal"),
        ("initializer", "GlorotUniform", "glorot_uniform"),
        ("initializer", "kaiming_normal_", "he_normal"),
        ("initializer", "xavier_uniform_", "glorot_uniform"),
        ("initializer", "trunc_normal_", "truncated_normal"),
        ("optimizer", "Adam", "adam"),
        ("optimizer", "RMSprop", "rmsprop"),
        ("optimizer", "SGD", "sgd"),
        ("regularizer", "L2", "l2"),
        ("regularizer", "L1L2", "l1l2"),
        ("regularizer", "None", "none"),
        ("normalization", "BatchNormalization", "batch"),
        ("normalization", "BatchNorm2d", "batch"),
        ("cell", "SimpleRNN", "simple"),
        ("cell", "LSTM", "lstm"),
        ("constraint", "MaxNorm", "max_norm"),
        ("dropout_kind", "SpatialDropout2D", "spatial"),
        ("clip", "clipnorm", "norm"),
        ("pooling", "GlobalAveragePooling1D", "mean"),
    ],
)
def test_names_of_keras_and_pytorch(family, word, name):
    """A class of theirs names our entry; the trial is that of our own name."""
    assert catalog.choice(family, word) == catalog.choice(family, name)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("CrossEntropyLoss", "sparse_categorical_crossentropy"),
        ("MSELoss", "mean_squared_error"),
        ("mse", "mean_squared_error"),
        ("L1Loss", "mean_absolute_error"),
    ],
)
def test_losses_by_other_names(word, name):
    """They are the loss of our name."""
    assert catalog.check_argument(catalog.SETTINGS["loss"], word) == name


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("l2(0.01)", {"name": "l2", "l2": 0.01}),
        ("L2( l2 = 1e-4 )", {"name": "l2", "l2": 1e-4}),
        ("orthogonal(0.1)", {"name": "orthogonal", "factor": 0.1, "mode": "rows"}),
    ],
)
def test_regularizers_in_the_form_of_a_call(written, read):
    """With a name for what it takes, or without where there is one number only."""
    assert catalog.choice("regularizer", written).setting() == read


@pytest.mark.parametrize(
    ("family", "written", "said"),
    [
        ("optimizer", "sgd(0.1)", "expected names for what optimizer 'sgd' takes (learning_rate="),
        ("regularizer", "l1l2(0.1, 0.2)", "expected each number once"),
        ("regularizer", "l2(l1=0.1)", "Received: 'l1'"),
        ("optimizer", "sgd(lr=0.1)", "Did you mean 'learning_rate'?"),
        ("activation", "relu(0.1)", "(nothing)"),
        ("activation", "no such(1)", "expected the name of an activation"),
    ],
)
def test_calls_that_do_not_fit_are_refused(family, written, said):
    """By name of what is taken."""
    with pytest.raises(StudyError) as caught:
        catalog.choice(family, written)
    assert said in str(caught.value)


def plan(**given):
    """A small study laid out."""
    full = {"name": "a", "template": "mlp", "dataset": "digits"} | given
    full["factors"] = given.get("factors", {"activation": ["relu", "tanh"]})
    study = Study(**full)
    return design.plan(study, datasets.describe(study.dataset, []), [])


def keys(**given):
    """The keys of the confirm trials of a study."""
    laid = plan(**given)
    return [laid.trial(arm, {}, "confirm", 0).key for arm in laid.arms]


def test_other_words_make_the_same_trials():
    """Keys are those of our own words: nothing is trained twice."""
    ours = keys(
        factors={"activation": ["relu", "leaky_relu"]},
        fixed={
            "units": [64],
            "optimizer": {"name": "sgd", "momentum": 0.9},
            "regularizer": {"name": "l2", "l2": 0.001},
            "loss": "sparse_categorical_crossentropy",
        },
    )
    theirs = keys(
        factors={"activation": ["ReLU", "LeakyReLU"]},
        fixed={
            "units": 64,
            "optimizer": "SGD(momentum=0.9)",
            "regularizer": "l2(0.001)",
            "loss": "CrossEntropyLoss",
        },
    )
    assert ours == theirs


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("accuracy", "test/accuracy@best"),
        ("Accuracy", "test/accuracy@best"),
        ("acc", "test/accuracy@best"),
        ("f1", "test/macro_f1@best"),
        ("AUC", "test/auroc@best"),
        ("val_loss", "val/loss@best"),
        ("val_accuracy@last", "val/accuracy@last"),
        ("test top 5 accuracy", "test/top_5_accuracy@best"),
        ("test/accuracy@last", "test/accuracy@last"),
    ],
)
def test_metrics_by_other_names(written, read):
    """Without a split the test split is meant, without an epoch the best one."""
    assert str(plan(metric=written).metric) == read


def test_the_best_epoch_and_the_objective_by_other_names():
    """Both are of validation data."""
    laid = plan(best="val_acc").study
    assert laid.best == "val/accuracy"
    space = {"learning_rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}
    laid = plan(best="accuracy", tune={"space": space, "objective": "val_loss"}).study
    assert (laid.best, laid.tune.objective) == ("val/accuracy", "val/loss@best")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("lr", 0.1, "Did you mean 'learning_rate'?"),
        ("bs", 64, "Did you mean 'batch_size'?"),
        ("early_stopping", 5, "Did you mean 'patience'?"),
        ("num_epochs", 5, "Did you mean 'epochs'?"),
        ("hidden_units", [8], "Did you mean 'units'?"),
        ("kernel_initializer", "ones", "Did you mean 'initializer'?"),
        ("kernel_regularizer", "l2", "Did you mean 'regularizer'?"),
        ("dropout_rate", 0.1, "Did you mean 'dropout'?"),
        ("decay", 0.1, "Did you mean 'weight_decay'?"),
        ("learningRate", 0.1, "Did you mean 'learning_rate'?"),
        ("momentum", 0.9, "It belongs to an optimizer: { name = 'sgd', momentum = ... }."),
        ("beta_1", 0.9, "It belongs to an optimizer: { name = 'adam', beta_1 = ... }."),
        ("code_size", 8, "`keras-harness catalog mlp` lists what there is."),
        ("tile_size", 8, "`keras-harness catalog mlp` lists what there is."),
    ],
)
def test_keys_by_other_names_are_told_ours(key, value, said):
    """A key is never guessed: a user's template may have one of that name."""
    with pytest.raises(StudyError) as caught:
        plan(fixed={key: value})
    assert said in str(caught.value)


def test_the_width_of_a_code():
    """What is near by its first word is suggested before what is near by its last."""
    with pytest.raises(StudyError, match="Did you mean 'code'"):
        plan(template="autoencoder", fixed={"code_size": 8}, factors={"epochs": [1, 2]})
    assert near("code_width", ["batch_size", "code"]) == "code"
    assert near("label", ["label_smoothing", "loss"]) == "label_smoothing"
    assert near("size", ["batch_size", "kernel_size"]) is None
    assert near("sdg", ["adam", "sgd"]) == "sgd"


def test_synonyms_lead_to_names_that_exist():
    """A table of words would otherwise rot."""
    assert {name for found in SYNONYMS.values() for name in found} <= names()


@pytest.mark.parametrize(
    ("key", "said"),
    [("repeats", "'replicates'"), ("random_state", "'seed'"), ("metrics", "metric")],
)
def test_keys_of_a_study_by_other_names(key, said):
    """They are told ours."""
    with pytest.raises(StudyError, match=f"Did you mean .*{said}"):
        plan(**{key: 3})


def test_two_learning_rates_are_seen_in_a_call():
    """As in a table: one of them would be ignored."""
    with pytest.raises(StudyError, match="expected the learning rate in one place"):
        plan(fixed={"optimizer": "sgd(learning_rate=0.1)", "learning_rate": 0.2})


@pytest.mark.parametrize("word", ["model.py:build", "./model.py:build", "model:build"])
def test_a_function_by_its_file(tmp_path, word):
    """In a template, in data, and among the user's own objects."""
    (tmp_path / "model.py").write_text("def build(shape, outputs, *, width=3):\n    pass\n")
    study = Study(name="a", template=word, dataset=word, factors={"width": [1, 2]})
    assert (study.template, study.dataset) == ("model:build", "model:build")
    design.check_names(study, [tmp_path])
    assert Study(**(study.model_dump() | {"dataset": {"file": word}})).dataset.file == "model:build"
    assert catalog.choice("activation", word).name == "model:build"


def test_a_function_by_its_path(tmp_path):
    """A folder below becomes a package; what lies elsewhere is refused with the right spelling."""
    assert code_name("nets/model.py:build") == "nets.model:build"
    for word in ("/abs/model.py:build", "../model.py:build", "my nets/model.py:build"):
        assert code_name(word) == word
        with pytest.raises(StudyError, match=r"Write 'model:build', with model\.py beside"):
            plan(template=word)


def test_long_lists_are_left_to_the_catalogue():
    """Forty names in a message help nobody; few do."""
    assert nearest("zzz", map(str, range(40)), "list") == "`list` lists what there is."
    assert nearest("zzz", ["a", "b"], "list") == "Valid: a, b."


def test_a_metric_keeps_its_text():
    """What a metric says of itself is read back as it is."""
    assert str(Metric.parse("val/loss@last")) == "val/loss@last"


@pytest.mark.parametrize(
    ("margin", "metric", "said"),
    [
        (1.5, "test/accuracy@best", "1.5, which is 150 points and makes everything equivalent."),
        (1.5, "test/accuracy@best", "For 1.5 points, write 0.015."),
        (0.5, "test/auroc@best", "For 0.5 points, write 0.005."),
        (5, "test/crossentropy@best", "For 5 %, write 0.05."),
    ],
)
def test_a_margin_in_points_is_refused(margin, metric, said):
    """It would make everything equivalent; what was meant is told."""
    with pytest.raises(StudyError) as caught:
        plan(margin=margin, metric=metric)
    assert said in str(caught.value)


@pytest.mark.parametrize("metric", ["test/accuracy@best", "test/crossentropy@best"])
def test_a_margin_that_can_be_meant_is_taken(metric):
    """Up to half of what there is."""
    assert plan(margin=0.3, metric=metric).study.margin == 0.3


def test_a_confidence_in_percent_is_refused():
    """With the share that it is."""
    with pytest.raises(StudyError, match=r"Received: 95\. 0\.95 is 95 %"):
        plan(confidence=95)
