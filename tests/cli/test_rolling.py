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
    assert told["origins"] == 28
