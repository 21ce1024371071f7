"""All figures of quality: every evaluation of each model, in one go.

python -m tests.benchmarks.quality --models DIR --data DIR [--out DIR] [--calibrate]

Each figure is one `autoreg evaluate ... --json`, kept with its command. A model is what its card
says that it is; what was measured of these weights, with this calibration, is not measured again.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

from autoreg import modeldir
from tests.benchmarks import rows as bench

BEGINNINGS = ("50ms", "100ms", "200ms")
MASKS = ("lower", "upper", "left", "right", "centre", "random", "rows", "columns")


def cards(folder):
    """Return the card of each model directory in a folder, by name."""
    found = sorted(Path(folder).glob("*/model.json"))
    return {path.parent: json.loads(path.read_text(encoding="utf-8")) for path in found}


def questions(card):
    """Return each factor of a model, and all of them jointly."""
    names = [name for name, _ in card["conditions"]["factors"]]
    return [*names, *([",".join(names)] if len(names) > 1 else [])]


def data_of(card, root):
    """Return the options that say where a model's data are; None where they are not at hand."""
    kind = card["training"].get("data", {}).get("kind")
    if kind == "mnist":
        return ["--data", str(root)] if root else None
    if kind == "audio":
        places = [Path(root or ".") / name for name in ("fsdd/recordings", "fsdd", "recordings")]
        there = next((place for place in places if root and place.is_dir()), None)
        return None if there is None else ["--data", str(there)]
    return [] if kind in ("digits", "fourier") else None


def jobs(card, arguments):
    """Return what is to be measured of a model: names, and options of `autoreg evaluate`."""
    source, asked = card["training"]["data"], questions(card)
    every = [part for one in asked for part in ("--of", one)]
    whole = [*every, *(["--limit", str(arguments.limit)] if arguments.limit else [])]
    found = {"whole": whole}
    if source["kind"] == "audio" and asked:
        found |= {first: [*whole, "--first", first] for first in BEGINNINGS}
    masks = MASKS if card["signal"]["kind"] == "picture" else ("random",)
    hidden = ["--limit", str(arguments.hidden), "--paths", str(arguments.paths)]
    if arguments.hidden:
        found |= {f"{mask} hidden": ["--hidden", mask, *hidden] for mask in masks}
    return found


def calibration(model, card, arguments):
    """Return the command that fits a temperature to a model."""
    audio = card["training"]["data"]["kind"] == "audio"
    beginnings = [part for one in BEGINNINGS[:2] if audio for part in ("--first", one)]
    limit = ["--limit", str(arguments.limit)] if arguments.limit else []
    return ["calibrate", str(model), *data_of(card, arguments.data), *beginnings, *limit]


def run(command, arguments):
    """Return what a command of the program prints as JSON, and how many seconds it took."""
    program = [sys.executable, "-m", "autoreg", *command, "--json"]
    if arguments.threads:
        program += ["--threads", str(arguments.threads)]
    begin = time.perf_counter()
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout.splitlines()[-1]), round(time.perf_counter() - begin, 1)


def measure(arguments, rows):
    """Measure what is missing."""
    for model, card in cards(arguments.models).items():
        if (where := data_of(card, arguments.data)) is None:
            sys.stderr.write(f"{model.name}: its data are not at hand\n")
            continue
        if arguments.calibrate and questions(card) and "calibration" not in card:
            run(calibration(model, card, arguments), arguments)
            card = json.loads((model / "model.json").read_text(encoding="utf-8"))
        weights = card["weights"]["sha256"][:12]
        temperature = card.get("calibration", {}).get("temperature")
        for what, options in jobs(card, arguments).items():
            key = (model.name, weights, temperature, what, *options)
            if key in rows:
                continue
            kept = arguments.out / "scores" / f"{model.name}-{weights}-{what}.npz"
            kept.parent.mkdir(parents=True, exist_ok=True)
            table = [] if "hidden" in what or arguments.limit else ["--table", str(kept)]
            command = ["evaluate", str(model), *where, *options]
            found, seconds = run([*command, *table], arguments)
            told = shlex.join(["autoreg", *command])
            facts = {"told": found, "command": told, "wall_seconds": seconds}
            rows.add(key, model=model.name, weights=weights, what=what, **facts)


def table(rows):
    """Return all tables as Markdown, and the protocols and commands of their lines."""
    found = [labels(rows), nats(rows), hidden(rows), sources(rows)]
    return "\n\n".join(part for part in found if part)


def latest(rows):
    """Return the last row of each model and evaluation."""
    return list({(row["model"], row["what"]): row for row in rows if "told" in row}.values())


def labels(rows):
    """Return the table of accuracy and calibration."""
    lines = []
    for row in latest(rows):
        told = row["told"]
        if "mask" in told or told.get("accuracy") is None:
            continue
        for one in told.get("targets", [told]):
            lines.append(
                [
                    f"{row['model']}, {row['what']}: {', '.join(one['of'])}",
                    f"{told['n']:,}",
                    share(one, "accuracy"),
                    number(one, "log_score", 4),
                    number(one, "ece", 4),
                    f"{one['temperature']:.3g}" if "temperature" in one else None,
                    number(one, "calibrated_log_score", 4),
                    number(one, "calibrated_ece", 4),
                ]
            )
    header = [
        "model, heard or seen: told",
        "n",
        "accuracy",
        "log score",
        "ECE",
        "temperature",
        "log score, calibrated",
        "ECE, calibrated",
    ]
    return bench.markdown(header, lines)


def nats(rows):
    """Return the table of likelihoods."""
    lines = [
        [
            f"{row['model']}, {row['what']}",
            f"{row['told']['n']:,}",
            number(row["told"], "nats_per_sequence", 3),
            number(row["told"], "nats_given_label", 3),
            number(row["told"], "bits_per_symbol", 5),
        ]
        for row in latest(rows)
        if "mask" not in row["told"]
    ]
    header = ["model", "n", "nats a sequence", "nats given all labels", "bits a symbol"]
    return bench.markdown(header, lines)


def hidden(rows):
    """Return the table of sequences of which a part is hidden."""
    lines = [
        [
            f"{row['model']}, {told['mask']} {told['share']:.0%}",
            told["n"],
            share(told, "accuracy"),
            number(told, "log_score", 3),
            number(told, "nats_per_hidden", 4),
            number(told, "nats_per_hidden_given_label", 4),
            "exact" if told["exact"] == 1 else f"{told['paths']} paths",
            f"{told['reliable']:.0%}",
        ]
        for row in latest(rows)
        if "mask" in (told := row["told"])
    ]
    header = [
        "model, hidden",
        "n",
        "accuracy",
        "log score",
        "nats a hidden symbol",
        "given all labels",
        "by",
        "reliable",
    ]
    return bench.markdown(header, lines)


def sources(rows):
    """Return what was evaluated, and how to do so again."""
    return "\n".join(
        f"- {row['model']} (weights `{row['weights']}`), {row['what']}: "
        f"`{row['command']}`; {row['told']['protocol']}; {row['wall_seconds']:g} s"
        for row in latest(rows)
    )


def number(told, name, digits):
    """Return an estimate and its standard error."""
    if told.get(name) is None:
        return None
    error = told["std_error"][name]
    return f"{told[name]:.{digits}f} ± " + ("?" if error is None else f"{error:.{digits}f}")


def share(told, name):
    """Return an estimate and its standard error in percent."""
    if told.get(name) is None:
        return None
    return f"{100 * told[name]:.2f} ± {100 * told['std_error'][name]:.2f} %"


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    folder = Path("runs/benchmarks/quality")
    parser.add_argument("--models", type=Path, default=modeldir.BUNDLED, help="a folder of models")
    parser.add_argument("--data", help="the folder that holds MNIST/raw and fsdd/recordings")
    parser.add_argument("--out", type=Path, default=folder, help="for JSON lines and scores")
    parser.add_argument("--limit", type=int, help="only the first so many sequences; for a trial")
    parser.add_argument("--hidden", type=int, default=100, help="sequences a mask; 0 for none")
    parser.add_argument("--paths", type=int, default=128, help="a condition, where it takes any")
    parser.add_argument("--threads", type=int, help="of the processor")
    parser.add_argument(
        "--calibrate", action="store_true", help="fit a temperature where a model has none"
    )
    parser.add_argument("--report", action="store_true", help="only show what there is")
    arguments = parser.parse_args()
    rows = bench.Rows(arguments.out / "quality.jsonl")
    if not arguments.report:
        measure(arguments, rows)
    bench.say(table(rows))


if __name__ == "__main__":
    main()
