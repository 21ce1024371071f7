"""What was measured of pictures, as tables."""

from tests.benchmarks import common
from tests.benchmarks import rows as bench

MASKS = {
    "centre": "centre, 14 x 14",
    "lower": "lower half",
    "random": "half the pixels at random",
    "rows": "every second row",
}


def table(rows):
    """Return all tables of pictures as Markdown."""
    found = [given(rows), true_pixels(rows), averaged(rows), gaps(rows)]
    return "\n\n".join(part for part in found if part)


def by_mask(rows, kind, line):
    """Return one line for each mask that was measured."""
    found = {name: rows.where(kind=kind, mask=name) for name in MASKS}
    return [[MASKS[name], *line(some)] for name, some in found.items() if some]


def given(rows):
    """Return the table of the evidence, the class known."""

    def line(found):
        exact = found[0]["exact"]
        return [
            len(found),
            "one score" if exact else found[0]["paths"],
            bench.with_error(row["log_evidence"] for row in found),
            "exact" if exact else common.spread(found),
            None if exact else bench.mean((row["ess"] for row in found), 1),
            None if exact else common.flagged(found),
            bench.thousands(found, "stepped"),
            bench.thousands(found, "scored"),
            bench.mean((row["seconds"] for row in found), 1),
        ]

    header = [
        "hidden",
        "images",
        "paths",
        "log p(seen, given the digit), nats",
        "its standard error, between islands",
        "ESS",
        "unreliable",
        "stepped, thousands",
        "read, thousands",
        "seconds",
    ]
    return bench.markdown(header, by_mask(rows, "given", line))


def true_pixels(rows):
    """Return the table of the true hidden pixels."""

    def line(found):
        gains = [row["true_given_seen"] - row["true_ignoring"] for row in found]
        return [
            found[0]["hidden"],
            bench.with_error((row["true_given_seen"] for row in found), 4),
            bench.with_error((row["true_ignoring"] for row in found), 4),
            "0" if found[0]["exact"] else bench.with_error(gains, 4),
            None if found[0]["exact"] else bench.share(gain > 0 for gain in gains),
        ]

    header = [
        "hidden",
        "pixels",
        "given all that is seen, nats/pixel",
        "ignoring what follows, nats/pixel",
        "gain",
        "better",
    ]
    return bench.markdown(header, by_mask(rows, "given", line))


def averaged(rows):
    """Return the table of images whose class is not known."""

    def line(found):
        exact = found[0]["exact"]
        return [
            len(found),
            "one score a digit" if exact else found[0]["paths"],
            bench.with_error(row["log_evidence"] for row in found),
            "exact" if exact else common.spread(found),
            None if exact else common.flagged(found),
            bench.with_error((row["true_given_seen"] for row in found), 4),
            f"{bench.share(row['right'] for row in found)} "
            f"({bench.share(row['right_full'] for row in found)})",
            f"{bench.mean((row['log_score'] for row in found), 4)} "
            f"({bench.mean((row['log_score_full'] for row in found), 4)})",
            bench.mean((row["seconds"] for row in found), 1),
        ]

    header = [
        "hidden",
        "images",
        "paths, all digits",
        "log p(seen), nats",
        "its standard error, between islands",
        "unreliable",
        "true hidden pixels, nats/pixel",
        "digit right (nothing hidden)",
        "log posterior of the digit (nothing hidden)",
        "seconds",
    ]
    return bench.markdown(header, by_mask(rows, "averaged", line))


def gaps(rows):
    """Return the table of the bounds on what was erased from the model's own draws."""

    def line(found):
        return [
            len(found),
            found[0]["paths"],
            bench.with_error(row["pooled_gap"] for row in found),
            bench.mean(
                (row["pooled_gap"] / row["hidden"] for row in found),
                4,
            ),
            bench.thousands(found, "stepped"),
            bench.thousands(found, "scored"),
        ]

    header = [
        "hidden",
        "draws",
        "paths a side",
        "gap, nats",
        "per hidden pixel",
        "stepped, thousands",
        "read, thousands",
    ]
    return bench.markdown(header, by_mask(rows, "sandwich", line))
