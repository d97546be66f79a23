#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: ScheduleFreeAdamW, built by fit as every optimizer is, replaces the weights that the model has by
# values near zero in the first step, whatever the learning rate; built before fit it keeps them.
# Pretrained weights are lost so.
# Output seen: share of a weight left after one epoch at rate 1e-6: built by fit 0.00, built before 1.00
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
y = np.ones((64, 3), "float32")


def left(before):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    optimizer = keras.optimizers.ScheduleFreeAdamW(1e-6)
    model.compile(optimizer, "mse")
    if before:
        optimizer.build(model.trainable_variables)
    start = model.get_weights()[0]
    model.fit(x, y, epochs=1, verbose=0)
    return np.abs(model.get_weights()[0]).max() / np.abs(start).max()


print(
    "share of a weight left after one epoch at rate 1e-6: "
    f"built by fit {left(False):.2f}, built before {left(True):.2f}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
[ "$seen" = "share of a weight left after one epoch at rate 1e-6: built by fit 0.00, built before 1.00" ] || { echo "changed: it was 'share of a weight left after one epoch at rate 1e-6: built by fit 0.00, built before 1.00'"; exit 1; }
