"""What helps a generative model to tell labels apart, tried one at a time.

    python -m tests.benchmarks.levers --data DIR

On the 8x8 digits, and on MNIST of two levels learnt from its first 10,000 images alone. A variant
is trained anew from each seed and judged on the same test images; it is one line of JSON, and a
killed run goes on with the next. "hybrid" and "distilled", which learns from the verdicts of a
support vector machine that has seen the same images, are no longer purely generative.
"""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import torch
from sklearn.svm import SVC

import autoreg
from autoreg import scoring
from autoreg.data.source import read_corpus
from autoreg.density import Density
from autoreg.evaluation import evaluate
from autoreg.training import run
from autoreg.training.batches import training_batches
from autoreg.training.config import preset
from autoreg.training.learner import learning_rate, weight_groups
from tests.benchmarks import rows as bench

TRAINED, JUDGED = 10_000, 2_000
TWO = ("raster", "column")
FOUR = ("raster", "column", "reversed", "mirrored")

VARIANTS = {
    "as it is": {},
    "no average of weights": {"settings": ["training.average=0"]},
    "moved by up to a pixel": {"settings": ["training.shift=1"]},
    "hybrid, half": {"settings": ["training.discriminative=0.5"]},
    "hybrid, nine tenths": {"settings": ["training.discriminative=0.9"]},
    "distilled, half": {"teacher": 0.5},
    "two orders": {"scan": TWO},
    "four orders": {"scan": FOUR},
}


def main():
    """Measure what is missing, then show the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="the folder that holds MNIST/raw; only digits without it")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/levers"))
    parser.add_argument("--only", choices=["digits", "mnist"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, help="of each training, if not as many as usual")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true", help="only show what there is")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rows = bench.Rows(arguments.out / "levers.jsonl")
    kinds = [arguments.only] if arguments.only else ["digits", *["mnist"] * bool(arguments.data)]
    for kind in [] if arguments.report else kinds:
        for seed in range(arguments.seeds):
            for variant in arguments.variants:
                if (key := [kind, variant, seed]) not in rows:
                    rows.add(key, **measure(kind, variant, seed, arguments))
    bench.say(table(rows))


def measure(kind, variant, seed, arguments):
    """Train one variant and judge it."""
    told = VARIANTS[variant]
    source = {"kind": kind, "scan": told.get("scan", "raster")}
    source["scan"] = list(source["scan"]) if "scan" in told else source["scan"]
    corpus = read_corpus(source, arguments.data if kind == "mnist" else None)
    if kind == "mnist":
        several = len(told.get("scan", "1")) if "scan" in told else 1
        few = corpus.parts["train"].take(range(TRAINED * several))
        corpus = replace(corpus, parts={**corpus.parts, "train": few})
    config = preset("digits" if kind == "digits" else "mnist-binary-cpu")
    steps = arguments.steps or (config.training.steps if kind == "digits" else 2_400)
    settings = [f"training.seed={seed}", f"training.steps={steps}", *told.get("settings", [])]
    config = config.replace_from(settings)
    begin = time.perf_counter()
    out = arguments.out / "-".join([kind, *variant.replace(",", "").split(), str(seed)])
    if "teacher" in told:
        density = distilled(corpus, config, told["teacher"])
    else:
        resume = (out / "state.safetensors").exists()
        run.train(corpus, config, out, source=source, resume=resume, device="cpu")
        density = autoreg.load(out, device="cpu")
    return {
        "steps": steps,
        "train_seconds": time.perf_counter() - begin,
        **judged(density, corpus),
    }


def judged(density, corpus):
    """Return what a density is worth on test images."""
    told = evaluate(density, corpus, limit=JUDGED)
    names = ("accuracy", "nats_per_sequence", "nats_given_label", "log_score", "ece")
    found = told.to_dict()
    return {"n": told.n, **{name: [found[name], found["std_error"][name]] for name in names}}


def distilled(corpus, config, share):
    """Return a density that learns signals and a teacher's verdicts on them."""
    training, sequences = config.training, corpus.parts["train"]
    symbols, condition, _ = sequences.pad(range(len(sequences)))
    pixels = symbols.numpy() / (corpus.signal.num_symbols - 1)
    teacher = SVC(C=10, random_state=training.seed).fit(pixels, condition.numpy())
    margins = torch.as_tensor(teacher.decision_function(pixels))
    verdicts = {
        bytes(row.numpy().data): verdict
        for row, verdict in zip(symbols, margins.softmax(1), strict=True)
    }
    model = run.build(corpus, config.model, seed=training.seed)
    optimizer = torch.optim.AdamW(weight_groups(model, training.weight_decay))
    batches = training_batches(
        sequences, order=model.order, crop=None, columns=training.columns, seed=training.seed
    )
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(training.average)
    )
    model.train()
    for step, batch in enumerate(itertools.islice(batches, training.steps)):
        joint = torch.stack(
            [
                scoring.log_factors(model, batch.symbols, torch.full_like(batch.condition, k)).sum(
                    1
                )
                for k in range(model.num_conditions)
            ],
            dim=1,
        )
        soft = torch.stack([verdicts[bytes(row.numpy().data)] for row in batch.symbols])
        own = joint.gather(1, batch.condition[:, None]).sum()
        agreed = (soft * joint.log_softmax(1)).sum()
        loss = -((1 - share) * own + share * agreed) / batch.scored
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(training, step)
        optimizer.step()
        averaged.update_parameters(model)
    return Density(
        averaged.module.eval(), corpus.signal, corpus.space, target=corpus.target, card={}
    )


def table(rows):
    """Return what each variant gave, a line each."""
    header = ["data", "variant", "seed", "steps", "accuracy, %", "nats, label summed out"]
    header += ["nats, label given", "log score", "ECE", "minutes"]
    lines = []
    for row in rows:
        (kind, variant, seed), error = row["key"], "{:.{d}f} ± {:.{d}f}"
        right, wrong = (100 * one for one in row["accuracy"])
        cells = [error.format(right, wrong, d=2)]
        cells += [
            error.format(*row[name], d=digits)
            for name, digits in (
                ("nats_per_sequence", 2),
                ("nats_given_label", 2),
                ("log_score", 3),
                ("ece", 4),
            )
        ]
        minutes = f"{row['train_seconds'] / 60:.1f}"
        lines.append([kind, variant, seed, row["steps"], *cells, minutes])
    return bench.markdown(header, lines)


if __name__ == "__main__":
    main()
