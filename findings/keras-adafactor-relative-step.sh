#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: Adafactor(relative_step=True) trains exactly as relative_step=False does; the paper's
# relative step size, min(1e-2, 1 / sqrt(t)), is never taken.
# Output seen: relative_step changes the weights: False
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


def trained(relative_step):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adafactor(0.5, relative_step=relative_step), "mse")
    model.fit(x, y, epochs=30, verbose=0)
    return model.get_weights()[0]


print("relative_step changes the weights:", not np.array_equal(trained(True), trained(False)))
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
[ "$seen" = "relative_step changes the weights: False" ] || { echo "changed: it was 'relative_step changes the weights: False'"; exit 1; }
