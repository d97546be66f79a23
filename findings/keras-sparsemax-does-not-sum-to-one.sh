#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: keras.activations.sparsemax takes for its threshold the sum of all cumulative sums of the support, where
# Martins & Astudillo 2016 have the last of them. With two or more entries in the support, its outputs do not sum to 1.
# Output seen: sparsemax of 0.0 and 0.1: 0.40 and 0.50; by the paper 0.45 and 0.55
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras
import numpy as np

x = np.array([[0.0, 0.1]], "float32")
found = np.asarray(keras.activations.sparsemax(x))[0]
exact = x[0] - (x.sum() - 1) / 2  # both are in the support
print(
    f"sparsemax of 0.0 and 0.1: {found[0]:.2f} and {found[1]:.2f}; "
    f"by the paper {exact[0]:.2f} and {exact[1]:.2f}"
)
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
expected="sparsemax of 0.0 and 0.1: 0.40 and 0.50; by the paper 0.45 and 0.55"
echo "$seen"
[ "$seen" = "$expected" ] || { echo "changed: it was '$expected'"; exit 1; }
