#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: beta_1 of ScheduleFreeAdamW, which interpolates between the fast iterate and its average, has no effect
# under TensorFlow: the "old" momentum that the update sets aside is the variable itself, so that it reads the new value
# once that is assigned, and beta_1 cancels. Two values give the same losses up to rounding; beta_2 changes them.
# Output seen: largest difference of a loss between beta_1 0.9 and 0.2: below 1e-5; between beta_2 0.999 and 0.5: above 1e-2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np

x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
y = (x[:, :1] > 0).astype("float32")


def losses(**betas):
    keras.utils.set_random_seed(0)
    hidden, output = keras.layers.Dense(8, "relu"), keras.layers.Dense(1)
    model = keras.Sequential([keras.Input((4,)), hidden, output])
    optimizer = keras.optimizers.ScheduleFreeAdamW(0.05, **betas)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, "mse")
    history = model.fit(x, y, epochs=3, batch_size=32, verbose=0, shuffle=False)
    return np.array(history.history["loss"])


first = np.abs(losses(beta_1=0.9) - losses(beta_1=0.2)).max()
second = np.abs(losses(beta_2=0.999) - losses(beta_2=0.5)).max()
print(
    "largest difference of a loss between beta_1 0.9 and 0.2: "
    f"{'below' if first < 1e-5 else 'above'} 1e-5; "
    f"between beta_2 0.999 and 0.5: {'above' if second > 1e-2 else 'below'} 1e-2"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
expected="largest difference of a loss between beta_1 0.9 and 0.2: below 1e-5; between beta_2 0.999 and 0.5: above 1e-2"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: it was '$expected'"; exit 1; }
