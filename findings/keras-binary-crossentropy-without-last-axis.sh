#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: With outputs and labels of shape (batch,), BinaryCrossentropy averages over the batch before sample
# weights are applied, so that they weigh nothing but the batch as a whole; with outputs of shape
# (batch, 1) they weigh cases.
# Output seen: weighted loss with outputs (batch, 1) 1.2158, with (batch,) 1.1373
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = (np.arange(64) % 4 == 0).astype("float32")
weights = np.where(y > 0, 3.0, 1.0).astype("float32")


def weighted(flat):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    outputs = keras.layers.Dense(1)(inputs)
    model = keras.Model(inputs, outputs[:, 0] if flat else outputs)
    model.compile("sgd", keras.losses.BinaryCrossentropy(from_logits=True))
    return model.evaluate(x, y, sample_weight=weights, verbose=0)


print(
    f"weighted loss with outputs (batch, 1) {weighted(False):.4f}, with (batch,) {weighted(True):.4f}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
[ "$seen" = "weighted loss with outputs (batch, 1) 1.2158, with (batch,) 1.1373" ] || { echo "changed: it was 'weighted loss with outputs (batch, 1) 1.2158, with (batch,) 1.1373'"; exit 1; }
