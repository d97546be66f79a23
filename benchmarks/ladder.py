"""The ladder: what a trial costs by five ways of training the same study, side by side.

    python benchmarks/ladder.py                 # all models, three repeats
    python benchmarks/ladder.py --models mlp    # some of them; the others keep their last rows

Writes ``benchmarks/results/ladder.md``, and all figures beside it as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import felt
import models
import numpy as np
from scipy import ndimage

from harness.environment import observe

HERE = Path(__file__).parent
TITLES = {
    "a": "KerasTuner RandomSearch",
    "b": "loop over model.fit",
    "c": "best simple loop",
    "d": "harness, 1 worker",
    "e": "harness, 2 workers",
}
TRIALS = {"a": 6, "b": 6, "c": 40, "d": 40, "e": 40}
AIMS = {"mlp": 25.0, "lstm": 13.0, "gru": 13.0, "dense_autoencoder": 15.0}
AIM_CONVOLUTION, AIM_OVERHEAD, AIM_WORKERS, AIM_SHARE = 4.5, 1.15, 1.8, 0.7
TRAIN, VALIDATION, TEST = 5120, 1280, 1000
STEPS = TRAIN // 64


def enlarge(folder: Path) -> dict[str, Path]:
    """Scikit-learn's scanned digits at the size of MNIST, shifted at random."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    generator = np.random.default_rng(0)
    chosen = generator.integers(len(bunch.target), size=TRAIN + VALIDATION + TEST)
    shifts = generator.integers(-3, 4, size=(len(chosen), 2))
    large = [ndimage.zoom(image / 16, 3.5, order=1) for image in bunch.images]
    x = np.stack(
        [np.roll(large[case], shift, (0, 1)) for case, shift in zip(chosen, shifts, strict=True)]
    )
    x, y = x.astype(np.float32), bunch.target[chosen].astype(np.int32)
    files = {"classification": folder / "labels.npz", "regression": folder / "images.npz"}
    for task, file in files.items():
        target = y if task == "classification" else x.reshape(len(x), -1)
        cut = TRAIN + VALIDATION
        np.savez(file, x_train=x[:cut], y_train=target[:cut], x_test=x[cut:], y_test=target[cut:])
    return files


def measure(contender: str, model: str, width: int, files: dict[str, Path]) -> dict[str, object]:
    """One contender on one model, in a process tree of its own."""
    task = "regression" if model in models.RECONSTRUCT else "classification"
    ask = {
        "contender": contender,
        "model": model,
        "width": width,
        "task": task,
        "data": str(files[task]),
        "shape": [28, 28],
        "outputs": 784 if task == "regression" else 10,
        "trials": TRIALS[contender],
        "workers": 2 if contender == "e" else 1,
        "validation": VALIDATION / (TRAIN + VALIDATION),
        "convolves": model in models.CONVOLVE,
    }
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, str(HERE / "contenders.py"), json.dumps(ask)],
        capture_output=True,
        text=True,
        cwd=HERE,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(ended.stderr[-3000:])
    answer = json.loads(ended.stdout)
    # Both workers have compiled, and each has a trial behind it.
    warm = 2 * ask["workers"] if contender in "de" else 1
    ends = answer["ends"]
    return {
        "cold": ends[0],
        "marginal": (ends[-1] - ends[warm - 1]) / (len(ends) - warm),
        "wall": time.monotonic() - began,
        "losses": answer["losses"],
    }


def side_by_side(model: str, width: int, files: dict[str, Path]) -> float:
    """Seconds per trial of two best simple loops at once: what two workers could reach here."""
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: measure("c", model, width, files)["marginal"], range(2)))
    return statistics.mean(found) / 2


def core_rate() -> float:
    """One core's float32 matrix-product rate, in GFLOP/s, through the library the trials use."""
    code = (
        "import os; os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\n"
        "import time, tensorflow as tf\n"
        "tf.config.threading.set_intra_op_parallelism_threads(1)\n"
        "a = tf.random.normal((1024, 1024)); b = a @ a; best = 1e9\n"
        "for _ in range(20):\n"
        "    t = time.perf_counter(); (a @ b).numpy()\n"
        "    best = min(best, time.perf_counter() - t)\n"
        "print(2 * 1024**3 / best / 1e9)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(out.stdout.split()[-1])


def gflop(width: int, *, epochs: int = 3, validation: bool = True) -> float:
    """Arithmetic of one trial of the MLP, forward and backward."""
    weights = 784 * width + width * width + width * 10
    skipped = 2 * TRAIN * 784 * width  # no gradient with respect to the inputs
    held = 2 * VALIDATION * weights if validation else 0
    return epochs * (6 * TRAIN * weights - skipped + held) / 1e9


def compare(losses: dict[str, list[float]]) -> str:
    """Whether all contenders reach the same loss, within five standard errors and 5 %."""
    means = {name: statistics.mean(values) for name, values in losses.items()}
    errors = {n: statistics.stdev(v) / len(v) ** 0.5 for n, v in losses.items()}
    reference = means["c"]
    bad = [
        name
        for name in means
        if abs(means[name] - reference)
        > 0.05 * reference + 5 * (errors[name] ** 2 + errors["c"] ** 2) ** 0.5
    ]
    shown = ", ".join(f"{name} {mean:.4f}" for name, mean in means.items())
    return f"{shown}: " + (f"DIFFERENT {bad}" if bad else "the same")


def spread(values: list[float]) -> str:
    """Median, and the range of the repeats."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def row(model: str, width: int, repeats: list[dict[str, dict]], rate: float) -> dict[str, object]:
    """All figures of one model, ratios taken within each repeat."""
    costs = {k: [repeat[k]["marginal"] for repeat in repeats] for k in TITLES}
    ratio = {
        "d/c": [r["d"]["marginal"] / r["c"]["marginal"] for r in repeats],
        "d/e": [r["d"]["marginal"] / r["e"]["marginal"] for r in repeats],
        "a/e": [r["a"]["marginal"] / r["e"]["marginal"] for r in repeats],
        "b/d": [r["b"]["marginal"] / r["d"]["marginal"] for r in repeats],
    }
    losses = {k: [x for repeat in repeats for x in repeat[k]["losses"]] for k in TITLES}
    share = gflop(width) / statistics.median(costs["d"]) / rate if model == "mlp" else None
    return {
        "name": f"{model} {width}",
        "model": model,
        "width": width,
        "costs": costs,
        "cold": {k: statistics.median(r[k]["cold"] for r in repeats) for k in TITLES},
        "ratio": ratio,
        "losses": compare(losses),
        "share": share,
    }


def write(rows: list[dict], machine: dict, felt_: dict[str, list[float]], repeats: int) -> str:
    """The page of results."""
    rate = machine["rate"]
    lines = [
        "# The ladder",
        "",
        f"{observe().processor}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the end.",
        ", ".join(f"{name} {number}" for name, number in observe().versions.items()) + ".",
        f"{TRAIN} training and {VALIDATION} validation images of 28x28, batch 64, Adam, 3 epochs;",
        f"{repeats} interleaved repeats, every contender in a process of its own.",
        "(a) and (b) may use both cores, as their documentation leaves them; (c) and every worker",
        "use one thread. (a) and (b) train 6 trials, the others 40; a harness trial also draws a",
        "new train/validation split, keeps its best weights, and is committed to disk.",
        "",
        "## Marginal seconds per trial",
        "",
        "After the first trial (for the harness: after two per worker). Median of the repeats.",
        "Last column: two of (c) at once, per trial.",
        "",
        "| model | " + " | ".join(f"({k}) {title}" for k, title in TITLES.items()) + " | 2 x (c) |",
        "|---|" + "---|" * (len(TITLES) + 1),
    ]
    for one in rows:
        cells = [f"{statistics.median(one['costs'][k]):.3f}" for k in TITLES]
        cells.append(f"{statistics.median(one['pair']):.3f}")
        lines.append(f"| {one['name']} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "## Ratios within each repeat",
        "",
        "Median (range). Aims: d/c at most 1.15, d/e at least 1.8, a/e by model.",
        "",
        "| model | d/c | d/e | a/e | aim a/e | b/d |",
        "|---|---|---|---|---|---|",
    ]
    for one in rows:
        aim = AIMS.get(one["model"], AIM_CONVOLUTION)
        ratio = {name: spread(values) for name, values in one["ratio"].items()}
        lines.append(
            f"| {one['name']} | {ratio['d/c']} | {ratio['d/e']} | {ratio['a/e']} | {aim:g} "
            f"| {ratio['b/d']} |"
        )
    lines += [
        "",
        "## Cold start: seconds from command to the end of the first trial",
        "",
        "| model | " + " | ".join(f"({k})" for k in TITLES) + " |",
        "|---|" + "---|" * len(TITLES),
    ]
    for one in rows:
        cells = [f"{one['cold'][k]:.1f}" for k in TITLES]
        lines.append(f"| {one['name']} | " + " | ".join(cells) + " |")
    lines += ["", "## Mean validation loss", ""]
    lines += [f"- {one['name']}: {one['losses']}" for one in rows]
    shares = [one for one in rows if one["share"]]
    lines += ["", "## Share of one core's matrix-product rate", ""]
    lines += [f"One core: {rate:.0f} GFLOP/s (1024 x 1024, float32, one thread)."]
    lines += [f"- {one['name']}: {one['share']:.0%} in (d)" for one in shares]
    lines += ["", *step_lines(machine["step"], rate), *felt_lines(felt_)]
    lines += missed_lines(rows, rate)
    return "\n".join(lines) + "\n"


def missed_lines(rows: list[dict], rate: float) -> list[str]:
    """By how much an aim is missed, and what is left."""
    lines = []
    for one in rows:
        costs = {k: statistics.median(one["costs"][k]) for k in TITLES}
        ratio = {name: statistics.median(values) for name, values in one["ratio"].items()}
        aim, bound = AIMS.get(one["model"], AIM_CONVOLUTION), statistics.median(one["pair"])
        if ratio["a/e"] < aim:
            lines.append(
                f"- {one['name']}: a/e is {ratio['a/e']:.1f}, aim {aim:g}. Two best simple loops "
                f"at once reach {costs['a'] / bound:.1f}; what they do is arithmetic."
            )
        if ratio["d/c"] > AIM_OVERHEAD:
            more = 1e3 * (costs["d"] - costs["c"])
            lines.append(
                f"- {one['name']}: d/c is {ratio['d/c']:.2f}, aim {AIM_OVERHEAD:g}: {more:.0f} ms "
                "per trial more, for what a harness trial also does (above)."
            )
        if ratio["d/e"] < AIM_WORKERS:
            lines.append(
                f"- {one['name']}: d/e is {ratio['d/e']:.2f}, aim {AIM_WORKERS:g}. Two best simple "
                f"loops at once are {costs['c'] / bound:.2f} times as fast as one: the cores share "
                "cache and memory."
            )
        if one["share"] and one["width"] == max(models.SIZES["mlp"]) and one["share"] < AIM_SHARE:
            lines.append(
                f"- {one['name']}: {one['share']:.0%} of one core's {rate:.0f} GFLOP/s, aim "
                f"{AIM_SHARE:.0%}. See where a step goes (above): Adam's update reads and writes "
                "seven numbers per weight, and no product is in it."
            )
    return ["", "## Aims that are missed", "", *(lines or ["None."])]


def step_lines(parts: dict[str, float], rate: float) -> list[str]:
    """Where a step of the larger MLP goes."""
    products = gflop(512, epochs=1, validation=False) / STEPS
    ideal = products / rate * 1e3
    return [
        "A step of mlp 512 by itself, in milliseconds: "
        + ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in parts.items())
        + f". Its products alone would take {ideal:.2f} at the rate above; what the update takes "
        "is memory traffic, which no faster product shortens.",
    ]


def felt_lines(seconds: dict[str, list[float]]) -> list[str]:
    """What a user feels."""
    if not seconds:
        return []
    pairs = zip(seconds["keras_tuner"], seconds["harness"], strict=True)
    shown = {name: spread(values) for name, values in seconds.items()}
    return [
        "",
        "## What a user feels",
        "",
        "Six activations, ten replicates each, of mlp 128: wall seconds from command to table,",
        "everything included (imports, compiling, verdicts, the page).",
        "",
        f"- `keras-harness run`: {shown['harness']}",
        f"- KerasTuner, GridSearch with ten executions per trial: {shown['keras_tuner']}",
        f"- ratio: {spread([theirs / ours for theirs, ours in pairs])}; aim 4",
    ]


def _place(one: dict) -> tuple[int, int]:
    return list(models.SIZES).index(one["model"]), one["width"]


def _keep(found: dict, machine: dict, arguments: argparse.Namespace) -> None:
    """After every model: an hour's work must not hang on its last minute."""
    arguments.to.with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")
    page = write(found["rows"], machine, found["felt"], arguments.repeats)
    arguments.to.write_text(page, encoding="utf-8")


def step_parts() -> dict[str, float]:
    """Milliseconds of the parts of a step of the larger MLP, in a process of its own."""
    command = [sys.executable, str(HERE / "step.py")]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=HERE, check=True)
    return json.loads(ended.stdout)


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(models.SIZES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--skip-felt", action="store_true")
    parser.add_argument("--to", type=Path, default=HERE / "results" / "ladder.md")
    arguments = parser.parse_args()
    kept = arguments.to.with_suffix(".json")  # so that a ladder can be climbed in parts
    found = json.loads(kept.read_text()) if kept.exists() else {"rows": [], "felt": {}}
    machine = found["machine"] = {"rate": core_rate(), "step": step_parts()}
    with tempfile.TemporaryDirectory() as folder:
        files = enlarge(Path(folder))
        for model in arguments.models:
            for width in models.SIZES[model]:
                repeats = [
                    {k: measure(k, model, width, files) for k in TITLES}
                    for _ in range(arguments.repeats)
                ]
                one = row(model, width, repeats, machine["rate"])
                one["pair"] = [side_by_side(model, width, files) for _ in range(arguments.repeats)]
                others = [old for old in found["rows"] if old["name"] != one["name"]]
                found["rows"] = sorted([*others, one], key=_place)
                costs = {k: round(statistics.median(v), 3) for k, v in one["costs"].items()}
                ratios = {k: round(statistics.median(v), 2) for k, v in one["ratio"].items()}
                print(one["name"], costs, ratios, one["losses"], flush=True)
                _keep(found, machine, arguments)
        if not arguments.skip_felt:
            both = {"harness": felt.harness, "keras_tuner": felt.keras_tuner}
            seconds = [
                {name: measured(files["classification"]) for name, measured in both.items()}
                for _ in range(arguments.repeats)
            ]
            found["felt"] = {name: [one[name] for one in seconds] for name in both}
            _keep(found, machine, arguments)
    print(f"written: {arguments.to}")


if __name__ == "__main__":
    main()
