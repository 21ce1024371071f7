"""What training on a model's own draws does for forecasts, at equal time of the processor.

Run: ``python -m tests.benchmarks.unrolling [--seconds 60] [--seeds 1] [--out DIR]``. One-step
training, eight steps straight-through and eight steps soft learn the same random Fourier series,
each for as many seconds of the processor, and one-step training once more for as many updates as
straight-through came to; forecasts of held-out curves, eight symbols from five origins, tell what
that was worth. A second run adds what is missing.
"""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator

from autoreg.data.entropy import sample_entropy
from autoreg.data.fourier import Curves, fourier
from autoreg.queries.rolling import rolling
from autoreg.queries.sampling import sample
from autoreg.training.batches import training_batches
from autoreg.training.config import Config
from autoreg.training.learner import Learner
from autoreg.training.run import build
from tests.benchmarks import rows

HORIZON = 8
WAYS = {
    "one step": {"unroll": 0},
    "8 steps, straight-through": {"unroll": HORIZON, "relaxation": "straight-through"},
    "8 steps, soft": {"unroll": HORIZON, "relaxation": "soft"},
    "one step, as many updates as straight-through": {"unroll": 0},
}
SETTINGS = Config.from_dict(
    {
        "model": {"residual": 16, "skip": 32, "hidden": 32, "dilations": [1, 2, 4, 8, 16]},
        "training": {
            "steps": 10**6,
            "columns": 2048,
            "learning_rate": 3e-3,
            "warmup": 50,
            "final_fraction": 1.0,
            "average": 0.98,
        },
    }
)


def corpus(seed):
    """Return curves of 64 samples and 32 levels: 2,000 to learn, 200 others to judge by."""
    law = Curves(terms=(2, 4), periods=2.0, noise=0.02)
    return fourier(2000, 64, levels=32, curves=law, seed=seed)


def learnt(data, way, seed, seconds, steps=None):
    """Return a model after so many seconds of the processor, or steps, and what it took."""
    training = replace(SETTINGS.training, seed=seed, **WAYS[way])
    learner = Learner(build(data, SETTINGS.model, seed=seed), training, Accelerator(cpu=True))
    batches = training_batches(
        data.parts["train"], order=learner.model.order, crop=None, columns=2048, seed=seed
    )
    begin, made = time.process_time(), 0
    for made, batch in enumerate(itertools.islice(batches, steps), start=1):
        learner.update(batch, made - 1)
        if steps is None and time.process_time() - begin >= seconds:
            break
    spent = time.process_time() - begin
    facts = {"steps": made, "seconds": round(spent, 1)}
    return learner.average, facts | {"nats": learner.validate(data.parts["valid"])}


def judged(model, data, limit, paths):
    """Return forecasts of held-out curves, as plain data."""
    test = data.parts["test"]
    symbols, _, _ = test.pad(range(min(limit, len(test))))
    values = data.signal.decode(torch.arange(data.signal.num_symbols)).double()
    found = rolling(
        model,
        symbols,
        torch.zeros(len(symbols), 1),
        horizon=HORIZON,
        origins=5,
        first=20,
        paths=paths,
        values=values,
        generator=torch.Generator().manual_seed(0),
    ).to_dict()
    facts = {name: found[name] for name in ("accuracy", "median_error", "log_score", "std_error")}
    drawn = sample(
        model, len(symbols), length=symbols.shape[1], generator=torch.Generator().manual_seed(1)
    )
    return facts | {
        "entropy_of_draws": irregularity(values[drawn.symbols]),
        "entropy_of_curves": irregularity(values[symbols]),
    }


def irregularity(curves):
    """Return the mean sample entropy of curves and its standard error, as text."""
    found = sample_entropy(curves)
    return rows.with_error(found[found.isfinite()].tolist(), 3)


def measure(arguments, done):
    """Train what is missing in each way, and forecast."""
    for seed, way in itertools.product(range(arguments.seeds), WAYS):
        key = (way, arguments.seconds, seed)
        if key in done:
            continue
        data, steps = corpus(seed), None
        if "as many updates" in way:
            alike = done.where(way="8 steps, straight-through", seed=seed)
            steps = alike[-1]["steps"]
        model, facts = learnt(data, way, seed, arguments.seconds, steps)
        done.add(key, way=way, seed=seed, **facts, **judged(model, data, 100, 64))


def table(done):
    """Return what each way reached, with the errors of one training over curves."""
    lines = []
    for way in WAYS:
        for row in done.where(way=way):
            told = row["std_error"]
            first, last = (
                f"{row['accuracy'][at]:.3f} ± {told['accuracy'][at]:.3f}" for at in (0, -1)
            )
            means = (
                f"{sum(row[name]) / HORIZON:.3f}"
                for name in ("accuracy", "median_error", "log_score")
            )
            regular = row["entropy_of_draws"], row["entropy_of_curves"]
            told = (row["seed"], row["steps"], f"{row['nats']:.4f}", first, last)
            lines.append((way, *told, *means, *regular))
    header = ("training", "seed", "updates", "nats a symbol", "accuracy at 1", f"at {HORIZON}")
    over = ("mean of 1 to 8", "error", "log score")
    entropy = ("sample entropy of draws", "of held-out curves")
    return rows.markdown((*header, *over, *entropy), lines)


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/unrolling"))
    parser.add_argument("--seconds", type=int, default=60, help="of the processor, each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="only show what there is")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    done = rows.Rows(arguments.out / "unrolling.jsonl")
    if not arguments.report:
        measure(arguments, done)
    rows.say(table(done))


if __name__ == "__main__":
    main()
