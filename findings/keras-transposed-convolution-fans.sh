#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: he_normal of a transposed convolution counts its output channels as fan-in: 64 filters on 16
# channels start with half the deviation that He et al. ask for, 16 filters on 64 with twice.
# Output seen: deviation, times what fan-in asks for: 64 filters on 16 channels 0.5, 16 on 64 2.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np


def ratio(filters, channels):
    initializer = keras.initializers.HeNormal(seed=0)
    layer = keras.layers.Conv2DTranspose(filters, 3, kernel_initializer=initializer)
    layer.build((None, 8, 8, channels))
    return float(np.std(layer.kernel)) / (2 / (9 * channels)) ** 0.5


print(
    "deviation, times what fan-in asks for: "
    f"64 filters on 16 channels {ratio(64, 16):.1f}, 16 on 64 {ratio(16, 64):.1f}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
[ "$seen" = "deviation, times what fan-in asks for: 64 filters on 16 channels 0.5, 16 on 64 2.0" ] || { echo "changed: it was 'deviation, times what fan-in asks for: 64 filters on 16 channels 0.50, 16 on 64 2.00'"; exit 1; }
