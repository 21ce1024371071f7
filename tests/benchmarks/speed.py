"""How fast, beside plain PyTorch and beside what the machine reaches: ``autoreg bench --all``.

Run: ``python -m tests.benchmarks.speed --out speed.json [--quick] [--growth] [--corpus]``, then
``python -m tests.benchmarks.speed --out speed.json --report``, which writes the section "Speed" of
RESULTS.md and its pictures from what the file says, and shows the small table of the README.
"""

import argparse
import re
from pathlib import Path

from autoreg import plots
from autoreg.speed import pages, pictures
from autoreg.speed.report import Report
from autoreg.speed.suite import bench
from tests.benchmarks import rows

HERE = Path(__file__).parent


def written(report, results, figures):
    """Write the section of a report into a page, in place of the one that may be there."""
    figures.mkdir(parents=True, exist_ok=True)
    plots.save(pictures.bars(report), figures / "speed.png")
    section = (
        pages.page(report) + "\n![times as fast, and share of the bound](figures/speed.png)\n"
    )
    if report.growth:
        plots.save(pictures.curves(report), figures / "growth.png")
        section += "\n![how cost grows](figures/growth.png)\n"
    text = results.read_text(encoding="utf-8")
    before, heading, after = text.partition("## Speed\n")
    rest = re.search(r"^## ", after, re.MULTILINE) if heading else None
    kept = after[rest.start() :] if rest else ""
    text = f"{before.rstrip()}\n\n{section}" + (f"\n{kept}" if kept else "")
    results.write_text(text, encoding="utf-8")


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="what was found, as JSON")
    parser.add_argument("--quick", action="store_true", help="a minute's worth")
    parser.add_argument("--growth", action="store_true", help="how cost grows, too")
    parser.add_argument("--corpus", action="store_true", help="the memory of 100,000 files, too")
    parser.add_argument("--report", action="store_true", help="measure nothing, write the page")
    arguments = parser.parse_args()
    if arguments.report:
        report = Report.load(arguments.out)
        written(report, HERE / "RESULTS.md", HERE / "figures")
        rows.say(pages.brief(report))
        return
    bench(
        everything=not arguments.quick,
        grown=arguments.growth,
        corpus=arguments.corpus,
        tell=lambda row: rows.say(
            f"{pages.what(row)} {row.model} {row.dtype} {row.device}, {row.threads} threads, "
            f"batch {row.batch}: {pages.told(row.ours)} {row.unit}, {pages.told(row.ratio)} x "
            f"{row.against}, {pages.told(row.fraction)} of {row.ceiling}; {pages.wanted(row)}"
        ),
    ).save(arguments.out)


if __name__ == "__main__":
    main()
