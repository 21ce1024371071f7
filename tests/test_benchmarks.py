"""Benchmarks: what they write down is what they show."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.models.markov import MarkovTable
from tests.benchmarks import figures, pictures, rows, sounds, speakers, variance

NAMES = ("pictures", "sounds", "speakers", "variance", "mfcc", "quality", "unrolling")


def test_a_row_that_was_measured_is_there_again_and_no_other(tmp_path, capsys):
    rows.Rows(tmp_path / "a.jsonl").add(("x", 1), nats=2.5, log_z=[0.0])
    again = rows.Rows(tmp_path / "a.jsonl")
    assert ("x", 1) in again
    assert ("x", 2) not in again
    assert again.where(nats=2.5)[0]["threads"] == torch.get_num_threads()
    assert json.loads(capsys.readouterr().out) == {"key": ["x", 1], "nats": 2.5}


def test_a_line_that_was_cut_short_is_measured_again(tmp_path):
    path = tmp_path / "a.jsonl"
    rows.Rows(path).add(("x", 1), nats=2.5)
    with path.open("a") as file:
        file.write('{"key": ["x", 2], "na')
    again = rows.Rows(path)
    assert ("x", 1) in again
    assert ("x", 2) not in again
    again.add(("x", 2), nats=3.5)
    assert [row["nats"] for row in rows.Rows(path)] == [2.5, 3.5]


def test_processes_divide_what_is_missing(tmp_path, capsys):
    done = rows.Rows(tmp_path / "a.jsonl")
    done.add(("x", 2), nats=2.5)
    keys = [("x", number) for number in range(6)]
    shares = []
    for text in ("0/2", "1/2"):
        parser = rows.parser("", out="x", islands=2, particles=1)
        rows.divisible(parser)
        shares.append(list(rows.missing(parser.parse_args(["--share", text]), done, keys)))
    assert shares == [[("x", 0), ("x", 4)], [("x", 1), ("x", 3), ("x", 5)]]
    assert "2 of 2: 0.0 min, 0.0 min to go" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["2/2", "1", "a/b", "-1/2"])
def test_a_share_is_one_of_so_many(text, capsys):
    parser = rows.parser("", out="x", islands=2, particles=1)
    rows.divisible(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--share={text}"])
    assert "needs I/N with I below N" in capsys.readouterr().err


def test_rows_of_other_settings_are_not_mixed(tmp_path):
    parser = rows.parser("", out="x", islands=2, particles=1)
    rows.settle(parser.parse_args(["--out", str(tmp_path)]))
    rows.settle(parser.parse_args(["--out", str(tmp_path), "--threads", "2"]))
    with pytest.raises(SystemExit, match=r"'particles': 1, .* Choose another folder"):
        rows.settle(parser.parse_args(["--out", str(tmp_path), "--particles", "3"]))


def test_an_error_is_the_spread_over_the_root_of_n():
    assert rows.with_error([1.0, 2.0, 3.0]) == "2.00 ± 0.58"
    assert rows.with_error([1.0]) == "1.00"
    assert rows.mean([]) == "-"


def test_a_row_has_its_own_chance():
    first, again, other = (
        torch.rand(3, generator=rows.chance(*key)) for key in ((0, 1), (0, 1), (1, 0))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_share_in_percent_has_the_error_of_a_hit_and_a_miss_more():
    assert rows.percent(98, 98) == "100.00 ± 1.01 %"


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_are_no_table(name, tmp_path):
    module = importlib.import_module(f"tests.benchmarks.{name}")
    assert module.table(rows.Rows(tmp_path / "none.jsonl")) == ""


def test_masks_hide_what_they_are_called():
    hidden = {name: pictures.mask(name) for name in pictures.MASKS}
    assert [int(one.sum()) for one in hidden.values()][:2] == [196, 392]
    assert hidden["centre"][7:21, 7:21].all()
    assert hidden["lower"][14:].all()
    assert hidden["rows"][1::2].all()
    assert not hidden["rows"][::2].any()
    assert abs(int(hidden["random"].sum()) - 392) < 60


def test_gaps_lie_within_the_clip():
    assert sounds.middle(1000, 400) == slice(300, 700)
    gaps = [speakers.gap(1000, number, 0) for number in range(50)]
    assert all(gap.start >= 0 and gap.stop <= 1000 for gap in gaps)
    assert {gap.stop - gap.start for gap in gaps} == {300}
    assert len({gap.start for gap in gaps}) > 40


def test_counting_finds_the_probability_and_stops_where_it_is_settled():
    coin = MarkovTable(torch.tensor([[[0.25, 0.75]]], dtype=torch.float64).log())
    known = Evidence.free(2, 4).restrict(0, [1])
    target = known.restrict([1, 2], [0])
    generator = torch.Generator().manual_seed(0)
    found, stepped = variance.counted(coin, "rare", known, target, 1000, 20, generator)
    assert found.shape == (20, 1)
    assert abs(float(found.mean()) - 1 / 16) < 4 * (1 / 16 * 15 / 16 / 20_000) ** 0.5
    assert 1000 < stepped < 2000


def test_a_ratio_of_variances_is_that_of_what_it_is_given():
    generator = torch.Generator().manual_seed(0)
    narrow, wide = (scale * torch.randn(4000, 1, generator=generator) for scale in (1.0, 3.0))
    found, error = variance.ratio(narrow, wide, generator)
    assert abs(found - 9) < 4 * error
    assert 0.1 < error < 1


def test_a_grid_is_as_wide_as_all_its_pictures(tmp_path):
    image = torch.zeros(8, 8, dtype=torch.uint8)
    tiles = image.expand(3, 8, 8)
    figures.grid(tmp_path / "grid.png", [(image, image.bool(), tiles, tiles)])
    assert (tmp_path / "grid.png").stat().st_size > 0


@pytest.mark.slow
def test_they_are_not_collected():
    root = Path(__file__).parent
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", str(root / "benchmarks")],
        cwd=root.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, found.stdout + found.stderr


def test_what_was_measured_is_shown():
    shown = pictures.table(_Given())
    assert "| lower half | 1 | one score | -3.00 | exact |" in shown


class _Given(list):
    def where(self, **facts):
        row = {"kind": "given", "mask": "lower", "exact": True, "log_evidence": -3.0}
        row |= {"stepped": 0, "scored": 392, "seconds": 0.1, "hidden": 392}
        row |= {"true_given_seen": -0.1, "true_ignoring": -0.1}
        return [row] if all(row.get(name) == fact for name, fact in facts.items()) else []
