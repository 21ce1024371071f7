"""What helps a generative model to tell labels apart, tried one at a time.

    python -m tests.benchmarks.levers --data DIR

On the 8x8 digits, each variant trained from nothing; and on MNIST of two levels, where all learn
from the first 10,000 images alone and go on, each in its own way and for as many images, from one
model that has seen them a few times. Judged on the same test images; the temperature is fitted to
the validation part. A variant is one line of JSON, and a killed run goes on with the next.
"hybrid" and "distilled", which learns from the verdicts of a support vector machine that has seen
the same images, are no longer purely generative.
"""

import argparse
import itertools
import time
from dataclasses import replace
from pathlib import Path

import torch
from sklearn.svm import SVC

import autoreg
from autoreg import calibration, modeldir, scoring
from autoreg.data.orders import in_order
from autoreg.data.pictures import Pictures
from autoreg.data.source import read_corpus
from autoreg.density import Density
from autoreg.evaluation import judge
from autoreg.scoretable import score_table
from autoreg.training import run
from autoreg.training.batches import training_batches
from autoreg.training.config import preset
from autoreg.training.growth import inherit
from autoreg.training.learner import learning_rate, weight_groups
from autoreg.training.precision import multiplies_in
from tests.benchmarks import rows as bench

TRAINED, JUDGED, FITTED = 10_000, 2_000, 500
NEGLIGIBLE = 1e-4  # what a condition passes on to the gradient of a distilled model at least
TWO = ("raster", "column")
FOUR = ("raster", "column", "reversed", "mirrored")

VARIANTS = {
    "as it is": {},
    "no average of weights": {"settings": ["training.average=0"]},
    "moved by up to a pixel": {"settings": ["training.shift=1"]},
    "hybrid, half": {"settings": ["training.discriminative=0.5"]},
    "hybrid, nine tenths": {"settings": ["training.discriminative=0.9"]},
    "hybrid, 99 in 100": {"settings": ["training.discriminative=0.99"]},
    "distilled, nine tenths": {"teacher": 0.9},
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
    parser.add_argument("--base", type=int, default=2_400, help="steps of what MNIST goes on from")
    parser.add_argument("--judged", type=int, default=JUDGED, help="test images, at most")
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
    told, begin = VARIANTS[variant], time.perf_counter()
    scan = told.get("scan", "raster")
    corpus, source = data(kind, scan, arguments)
    config = settings(kind, seed, arguments).replace_from(told.get("settings", []))
    start = None if kind == "digits" else base(seed, arguments)
    out = arguments.out / "-".join([kind, *variant.replace(",", "").split(), str(seed)])
    if "teacher" in told:
        density = distilled(corpus, config, told["teacher"], start)
    else:
        density = trained(corpus, config, out, source=source, start=start)
    return {
        "steps": config.training.steps,
        "train_seconds": time.perf_counter() - begin,
        **judged(density, corpus, arguments.judged),
    }


def data(kind, scan, arguments):
    """Return the images in one order or several, and how they are read."""
    source = {"kind": kind, "scan": scan if isinstance(scan, str) else list(scan)}
    corpus = read_corpus(source, arguments.data if kind == "mnist" else None)
    if kind == "mnist":
        several = 1 if isinstance(scan, str) else len(scan)
        few = corpus.parts["train"].take(range(TRAINED * several))
        corpus = replace(corpus, parts={**corpus.parts, "train": few})
    return corpus, source


def settings(kind, seed, arguments):
    """Return how a variant is trained: on MNIST for a few hundred steps of more images each."""
    config = preset("digits" if kind == "digits" else "mnist-binary-cpu")
    few = ["columns=25088", "learning_rate=1e-3", "warmup=20", "average=0.98", "steps=300"]
    changes = [] if kind == "digits" else [f"training.{one}" for one in few]
    steps = [f"training.steps={arguments.steps}"] if arguments.steps else []
    return config.replace_from([*changes, *steps, f"training.seed={seed}"])


def base(seed, arguments):
    """Return what all variants of MNIST go on from."""
    out = arguments.out / f"mnist-base-{seed}"
    corpus, source = data("mnist", "raster", arguments)
    config = preset("mnist-binary-cpu").replace_from(
        [f"training.seed={seed}", f"training.steps={arguments.base}", "training.average=0.998"]
    )
    trained(corpus, config, out, source=source)
    return modeldir.load(out, device="cpu")


def trained(corpus, config, out, *, source, start=None):
    """Return the density in a folder, trained as far as it is not yet; its last weights count."""
    nothing = corpus.parts["valid"].take(range(0))
    corpus = replace(corpus, parts={**corpus.parts, "valid": nothing})
    resume = (out / "state.safetensors").exists()
    run.train(corpus, config, out, source=source, start=start, resume=resume, device="cpu")
    return autoreg.load(out, device="cpu")


def judged(density, corpus, limit):
    """Return what a density is worth on test images, as it is and with a temperature."""
    if isinstance(corpus.signal, Pictures):
        corpus = in_order(corpus, density.signal.scan.kind)
    fitted = score_table(density, corpus, part="valid", limit=FITTED)
    found = calibration.fit(
        fitted.log_likelihoods, fitted.condition, density.space, protocol="validation"
    )
    told = judge(
        score_table(density, corpus, limit=limit),
        density.space,
        of=density.target,
        calibration=found,
    )
    values = told.to_dict()
    estimates = {name: [values[name], values["std_error"][name]] for name in told.estimates()}
    return {"n": told.n, "temperature": found.temperature, **estimates}


def distilled(corpus, config, share, start):
    """Return a density that learns signals and a teacher's verdicts on them."""
    training, sequences = config.training, corpus.parts["train"]
    symbols, condition, _ = sequences.pad(range(len(sequences)))
    pixels = symbols.numpy() / (corpus.signal.num_symbols - 1)
    teacher = SVC(C=10, random_state=training.seed).fit(pixels, condition.numpy())
    soft = {
        bytes(row.numpy().data): verdict
        for row, verdict in zip(
            symbols,
            torch.as_tensor(teacher.decision_function(pixels)).softmax(1),
            strict=True,
        )
    }
    model = run.build(corpus, config.model, seed=training.seed)
    if start is not None:
        inherit(model, start.model)
    optimizer = torch.optim.AdamW(weight_groups(model, training.weight_decay))
    batches = training_batches(
        sequences, order=model.order, crop=None, columns=training.columns, seed=training.seed
    )
    averaged = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(training.average)
    )
    rough = multiplies_in(training.precision, torch.device("cpu")) == torch.bfloat16
    model.train()
    for step, batch in enumerate(itertools.islice(batches, training.steps)):
        verdicts = torch.stack([soft[bytes(row.numpy().data)] for row in batch.symbols])
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=rough):
            taught(model, batch, verdicts, share).div(batch.scored).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(training, step)
        optimizer.step()
        averaged.update_parameters(model)
    return Density(
        model=averaged.module.eval(),
        signal=corpus.signal,
        space=corpus.space,
        target=corpus.target,
        card={},
    )


def taught(model, batch, verdicts, share):
    """Return what has the gradient of -(1 - share) log p(x | y) - share sum q(k) log p(k | x)."""

    def read(symbols, condition):
        return scoring.log_factors(model, symbols, condition).sum(1)

    with torch.no_grad():
        each = torch.arange(model.num_conditions)
        joint = torch.stack([read(batch.symbols, k.expand(len(batch.symbols))) for k in each], 1)
    truth = torch.nn.functional.one_hot(batch.condition, len(each))
    weights = (1 - share) * truth + share * (verdicts - joint.softmax(1))
    row, rival = (weights.abs() > NEGLIGIBLE).nonzero().T
    return -(weights[row, rival] * read(batch.symbols[row], rival)).sum()


def table(rows):
    """Return what each variant gave, a line each."""
    header = ["data", "variant", "seed", "steps", "accuracy, %", "nats, label summed out"]
    header += ["nats, label given", "log score", "ECE", "temperature"]
    header += ["log score with it", "ECE with it", "minutes"]
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
                ("calibrated_log_score", 3),
                ("calibrated_ece", 4),
            )
        ]
        cells.insert(-2, f"{row['temperature']:.2f}")
        minutes = f"{row['train_seconds'] / 60:.1f}"
        lines.append([kind, variant, seed, row["steps"], *cells, minutes])
    return bench.markdown(header, lines)


if __name__ == "__main__":
    main()
