#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: A model that ends in three sigmoids, trained with SparseCategoricalCrossentropy (probabilities, its
# default), is not judged by what it predicts: the loss takes the logits behind the activation and
# applies a softmax, which the model does not have. The same loss of model.predict is another number.
# Output seen: evaluate 1.1969, loss of its own predictions 1.1050, of a softmax 1.1969
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = np.arange(64) % 3
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="sigmoid")])
loss = keras.losses.SparseCategoricalCrossentropy()
model.compile("sgd", loss)
evaluated = model.evaluate(x, y, verbose=0)
shares = model.predict(x, verbose=0)
odds = shares / (1 - shares)
softmax = odds / odds.sum(axis=1, keepdims=True)
print(
    f"evaluate {evaluated:.4f}, loss of its own predictions {float(loss(y, shares)):.4f}, "
    f"of a softmax {-np.log(softmax[np.arange(64), y]).mean():.4f}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
[ "$seen" = "evaluate 1.1969, loss of its own predictions 1.1050, of a softmax 1.1969" ] || { echo "changed: it was 'evaluate 1.1969, loss of its own predictions 1.1050, of a softmax 1.1969'"; exit 1; }
