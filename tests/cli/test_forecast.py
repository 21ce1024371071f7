import re

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def series(tmp_path):
    path = tmp_path / "series.csv"
    path.write_text("\n".join(f"{np.sin(0.3 * time):.4f}" for time in range(30)))
    return path


def test_bands_of_what_may_follow_are_told(lines, run, curves_model, series, tmp_path):
    out = tmp_path / "bands.csv"
    options = ["--keep", 20, "--horizon", 6, "-n", 40, "--seed", 1]
    (told,) = lines("forecast", curves_model, series, *options, "--out", out)
    assert (told["origin"], told["seed"], len(told["median"])) == (20, 1, 6)
    (low, high), (lower, higher) = told["bands"]["0.5"], told["bands"]["0.9"]
    columns = np.array([lower, low, told["median"], high, higher])
    assert (np.diff(columns, axis=0) >= 0).all()
    came = np.sin(0.3 * np.arange(20, 26))
    grid = 2 * (np.array(higher).max() - np.array(lower).min()) / 9
    inside = (np.array(lower) - grid <= came) & (came <= np.array(higher) + grid)
    assert told["coverage"]["0.9"] <= inside.mean()
    header, *rows = out.read_text().splitlines()
    assert header == "time,median,low 0.5,high 0.5,low 0.9,high 0.9"
    table = np.array([row.split(",") for row in rows], dtype=float)
    wanted = np.array([range(20, 26), told["median"], low, high, lower, higher], dtype=float).T
    assert np.allclose(table, wanted, atol=1e-6)
    people = run("forecast", curves_model, series, *options).stdout
    assert "40 draws of 6 numbers after 20" in people
    assert re.search(r"band of 90% of the draws: \d+% of what came lies in it", people)


def test_nothing_is_known_of_what_comes_after_the_end(lines, run, curves_model, series, tmp_path):
    out = tmp_path / "bands.png"
    options = ["--horizon", 5, "-n", 19, "--given", "period=0.2", "--out", out]
    (told,) = lines("forecast", curves_model, series, *options)
    assert (told["origin"], told["coverage"]) == (30, {"0.5": None, "0.9": None})
    with Image.open(out) as figure:
        assert figure.size[0] > 300
    assert "of what came" not in run("forecast", curves_model, series, *options).stdout


def test_temperature_0_has_no_band(lines, curves_model, series):
    options = ["--horizon", 4, "-n", 19, "--given", "period=0.2", "--temperature", 0]
    (told,) = lines("forecast", curves_model, series, *options)
    assert told["bands"]["0.9"] == [told["median"], told["median"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", 31], "keep within 0..30, the signal; got 5 and 31"),
        (["-n", 10], "a band of 0.9 needs 19 draws or more; got 10"),
        (["--levels", "0.5,1.5"], "levels need to lie between 0 and 1; got 1.5"),
        (["--out", "bands.wav"], "bands.wav: bands need a file .csv, .png, .pdf, .svg"),
        (["--levels", ""], "bands need a level or more, between 0 and 1; got none"),
        (["--out", "none/bands.csv", "--keep", 31], "none/bands.csv: needs a folder that exists"),
        (["--temperature", -1], "temperature needs to be 0"),
    ],
)
def test_what_cannot_be_forecast_is_refused(refused, curves_model, series, options, message):
    assert message in refused("forecast", curves_model, series, "--horizon", 5, *options)


def test_pictures_have_no_bands(refused, digits_model, image):
    told = refused("forecast", digits_model, image, "--horizon", 5)
    assert "bands are of numbers in time, a series or a sound; this is a picture" in told
