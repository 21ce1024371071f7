import torch

from autoreg.density import load
from autoreg.evaluation import held_out
from autoreg.forecasting import forecasting


def test_forecasts_are_judged_at_each_horizon(lines, run, refused, curves_model):
    options = ["--horizon", 3, "--origins", 4, "--after", 5, "--paths", 20, "--limit", 2]
    (told,) = lines("rolling", curves_model, *options)
    density = load(curves_model)
    expected = forecasting(
        density,
        held_out(density),
        horizon=3,
        origins=4,
        first=5,
        paths=20,
        limit=2,
        generator=torch.Generator().manual_seed(0),
    ).to_dict()
    for name in ("sequences", "origins", "paths", "accuracy", "error", "coverage_0.9"):
        assert told[name] == expected[name]
    assert (told["sequences"], told["origins"], len(told["log_score"])) == (2, 8, 3)
    people = run("rolling", curves_model, *options).stdout
    assert "2 sequences, 8 origins, 20 paths" in people
    message = refused("rolling", curves_model, "--horizon", 3, "--origins", 99)
    assert "has 28 origins with 0 before them and 3 to come; asked for 99" in message
    message = refused("rolling", curves_model, "--horizon", 3, "--origins", "some")
    assert "origins are a number in each sequence, or all; got 'some'" in message
    (told,) = lines("rolling", curves_model, *options[:2], "--limit", 1, "--origins", "all")
    assert (told["origins"], told["too_short"]) == (28, 0)
    message = refused("rolling", curves_model, "--horizon", 3, "--levels", "")
    assert "bands need a level or more, between 0 and 1; got none" in message


def test_sounds_are_read_as_options_say(
    lines, refused, voices, voices_model, digits_model, tmp_path
):
    table = tmp_path / "table.csv"
    files = sorted(path.name for path in voices.iterdir())
    table.write_text("file,speaker\n" + "".join(f"{name},ann\n" for name in files))
    options = ["--horizon", 2, "--origins", 2, "--paths", 19]
    reading = ["--data", voices, "--labels", table, "--mono", "--resample"]
    (told,) = lines("rolling", voices_model, *reading, *options)
    assert told["origins"] == 2 * told["sequences"]
    assert "labels from table.csv" in told["protocol"]
    assert "mixed to mono, resampled" in told["protocol"]
    message = refused("rolling", digits_model, *options, "--mono")
    assert "mono and resample are for sounds; this is a picture" in message
