#!/usr/bin/env bash
# Versions: keras 3.15.1, tensorflow 2.21.0
# Behaviour: model.trainable = True leaves frozen layers frozen, although setting it "sets trainable attribute for the
# layer and its sublayers". On the TensorFlow backend an attribute that is set to what it is already is left alone,
# property or not, and the model itself was trainable. A saved network with frozen layers so stays frozen when it is
# loaded to be fine-tuned, without a word. Setting False first, or each layer, helps.
# Output seen: trainable weights 2 of 4 after True, 4 of 4 after False and True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check keras==3.15.1 tensorflow==2.21.0
cat > "$folder/look.py" <<'PYTHON'
import keras

frozen = keras.layers.Dense(3)
model = keras.Sequential([keras.Input((2,)), frozen, keras.layers.Dense(1)])
frozen.trainable = False
model.trainable = True
first = len(model.trainable_weights)
model.trainable = False
model.trainable = True
second = len(model.trainable_weights)
print(f"trainable weights {first} of 4 after True, {second} of 4 after False and True")
PYTHON
seen=$(KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/look.py" 2> "$folder/log") || {
    tail -n 5 "$folder/log"
    exit 1
}
echo "$seen"
wanted="trainable weights 2 of 4 after True, 4 of 4 after False and True"
[ "$seen" = "$wanted" ] || { echo "changed: it was '$wanted'"; exit 1; }
