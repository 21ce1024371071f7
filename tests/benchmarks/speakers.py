"""Who speaks, where one contiguous part of the clip is hidden.

python -m tests.benchmarks.speakers --model DIR --data DIR [--out DIR]
"""

import itertools
from pathlib import Path

import torch

import autoreg as ar
from autoreg import evaluation
from tests.benchmarks import common
from tests.benchmarks import rows as bench
from tests.benchmarks.sounds import chosen

SHARE = 0.3


def gap(length, number, seed):
    """Return where a clip is hidden: 30 % of it, from a place drawn by chance."""
    width = round(SHARE * length)
    generator = bench.chance(seed, number, 30)
    start = int(torch.randint(0, length - width + 1, (1,), generator=generator))
    return slice(start, start + width)


def one(density, path, truth, kept, arguments, number):
    """Return the facts of one clip, or of its first seconds."""
    reading = {"stop": kept} if kept else {}
    length = len(density.signal.read(path, **reading))
    hidden = gap(length, number, arguments.seed)
    full = density.posterior(path, of="speaker", **reading)
    found = density.posterior(
        path,
        of="speaker",
        hidden=hidden,
        effort=common.effort(arguments.islands, arguments.particles),
        generator=bench.chance(arguments.seed, number),
        **reading,
    )
    return {
        "length": length,
        "start": hidden.start,
        "hidden": hidden.stop - hidden.start,
        "paths": arguments.islands * arguments.particles,
        "log_posterior": found.value.tolist(),
        "log_posterior_full": full.value.tolist(),
        "truth": truth,
        "right": int(found.value.argmax()) == truth,
        "right_full": int(full.value.argmax()) == truth,
        "log_score": float(found.value[truth]),
        "log_score_full": float(full.value[truth]),
        "std_error": None if found.std_error is None else float(found.std_error[truth]),
        "method": found.method,
        "reliable": found.reliable,
        "reason": found.reason,
        "stepped": found.cost.stepped,
        "scored": found.cost.scored,
        "seconds": round(found.cost.seconds, 2),
    }


def measure(arguments, rows):
    """Measure what is missing."""
    density = ar.load(arguments.model, device="cpu")
    corpus = evaluation.held_out(density, arguments.data, part="test")
    test = corpus.parts["test"]
    clips = chosen(test, arguments.clips, arguments.seed)
    keys = list(itertools.product(["speakers"], arguments.seconds, range(len(clips))))
    for key in bench.missing(arguments, rows, keys):
        _, kept, number = key
        clip, truth = test.names[clips[number]], int(test.condition[clips[number]])
        facts = one(density, Path(arguments.data) / clip, truth, kept, arguments, number)
        rows.add(key, clip=clip, weights=common.weights(density), seconds_kept=kept, **facts)


def table(rows):
    """Return what was measured, as Markdown."""
    header = [
        "clips",
        "n",
        "paths a speaker",
        "right, 30 % hidden",
        "right, nothing hidden",
        "log posterior of the speaker, 30 % hidden",
        "nothing hidden",
        "unreliable",
        "stepped, thousands",
        "read, thousands",
        "seconds",
    ]
    kept = sorted({row["seconds_kept"] for row in rows})
    return bench.markdown(header, [_line(one, rows.where(seconds_kept=one)) for one in kept])


def _line(seconds, found):
    return [
        f"the first {seconds:g} s" if seconds else "whole",
        len(found),
        found[0]["paths"],
        bench.share(row["right"] for row in found),
        bench.share(row["right_full"] for row in found),
        bench.with_error((row["log_score"] for row in found), 4),
        bench.with_error((row["log_score_full"] for row in found), 4),
        bench.share(not row["reliable"] for row in found),
        bench.thousands(found, "stepped"),
        bench.thousands(found, "scored"),
        bench.mean((row["seconds"] for row in found), 1),
    ]


def main():
    """Run from the command line."""
    parser = bench.parser(__doc__.splitlines()[0], out="speakers", islands=8, particles=1)
    bench.divisible(parser)
    parser.add_argument("--model", required=True, help="a model of FSDD's speakers")
    parser.add_argument("--data", required=True, help="FSDD's recordings")
    parser.add_argument("--clips", type=int, default=40, help="of the official test clips")
    parser.add_argument(
        "--seconds",
        type=float,
        nargs="+",
        default=[0.0],
        help="keep this much of each clip; 0 is all",
    )
    arguments = parser.parse_args()
    bench.run(arguments, "speakers", measure, table)


if __name__ == "__main__":
    main()
