#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: SpectralNormalization assigns the divided kernel to the layer that it wraps in every call with
# training=True: a forward pass without any optimizer changes a trainable weight, and the slope does not run
# through the divisor, as it does in the paper that the layer cites (Miyato et al. 2018). A GAN that asks its
# discriminator in training mode while it updates the generator changes the discriminator by asking.
# Output seen: kernel kept in inference True, in training False; slope along the kernel is 0: False
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
dense = keras.layers.Dense(8, use_bias=False)
layer = keras.layers.SpectralNormalization(dense)
x = np.random.default_rng(0).normal(size=(4, 16)).astype("float32")
layer.build(x.shape)
dense.kernel.assign(5.0 * dense.kernel)
kept = []
for training in (False, True):
    before = dense.kernel.numpy()
    layer(x, training=training)
    kept.append(np.array_equal(before, dense.kernel.numpy()))
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(layer(x, training=True) ** 2)
slope = tape.gradient(loss, dense.kernel.value)
# A kernel that is divided by its own norm makes the loss blind to its scale.
along = float(tf.reduce_sum(slope * dense.kernel.value)) / float(loss)
print(
    f"kernel kept in inference {kept[0]}, in training {kept[1]}; "
    f"slope along the kernel is 0: {abs(along) < 0.1}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
wanted="kernel kept in inference True, in training False; slope along the kernel is 0: False"
[ "$seen" = "$wanted" ] || { echo "changed: it was '$wanted'"; exit 1; }
