import shutil

import pytest
import torch

from autoreg import modeldir, plots
from autoreg.calibration import Calibration, fit
from autoreg.data.source import read_corpus
from autoreg.density import load
from autoreg.evaluation import evaluate
from autoreg.scoretable import score_table


@pytest.fixture
def model(digits_model, tmp_path):
    return shutil.copytree(digits_model, tmp_path / "model")


def test_temperature_is_kept_with_the_model_and_used_where_it_is_named(lines, run, model, image):
    plain = lines("classify", model, image)[0]
    (told,) = lines("calibrate", model, "--limit", 40)
    density = load(model)
    table = score_table(density, read_corpus({"kind": "digits"}), part="valid", limit=40)
    expected = fit(table.log_likelihoods, table.condition, density.space)
    assert told["temperature"] == pytest.approx(expected.temperature)
    assert Calibration.from_config(density.card["calibration"]).n == 40
    # Untrained weights are far too sure: what was calibrated is nearer to a guess.
    assert lines("classify", model, image)[0] == plain
    (tempered,) = lines("classify", model, image, "--calibrated")
    assert tempered["temperature"] == pytest.approx(expected.temperature)
    assert tempered["label"] == plain["label"]
    assert tempered["log_odds"] < plain["log_odds"]
    (every,) = lines("classify", model, image, "--calibrated", "--every", 32)
    assert every["beginnings"][0]["symbols"] == 32
    assert every["log_odds"] == pytest.approx(tempered["log_odds"])

    (judged,) = lines("evaluate", model, "--split", "valid", "--limit", 40)
    assert judged["temperature"] == pytest.approx(expected.temperature)
    assert judged["calibrated_log_score"] == pytest.approx(expected.log_score[1])
    assert judged["log_score"] == pytest.approx(expected.log_score[0])
    known = run("info", model).stdout
    assert f"temperature {expected.temperature:.4g}, fitted to digit of 40 sequences" in known
    people = run("calibrate", model, "--limit", 40).stdout
    assert "fitted to digit" in people
    assert "before" in people


def test_calibration_may_choose_other_labels_and_is_drawn_by_its_own(
    lines, model, tmp_path, monkeypatch
):
    """With a prior, labels that are little likelier than others give way to what was expected."""
    lines("calibrate", model, "--limit", 40)
    drawn = []
    monkeypatch.setattr(plots, "save", lambda figure, path: drawn.append(figure))
    prior = ",".join(f"{digit}={0.05 if digit else 0.55}" for digit in range(10))
    asked = ("--limit", 40, "--prior", prior, "--reliability", tmp_path / "sure.png")
    (told,) = lines("evaluate", model, *asked)
    density = load(model)
    table = score_table(density, read_corpus({"kind": "digits"}), limit=40)
    log_prior = torch.tensor([0.55, *[0.05] * 9], dtype=torch.float64).log()
    tempered = table.log_likelihoods / told["temperature"] + log_prior
    right = tempered.argmax(1) == table.condition
    assert told["calibrated_accuracy"] == float(right.double().mean())
    assert told["calibrated_accuracy"] != told["accuracy"]
    (figure,) = drawn
    legend = [one.get_text() for one in figure.axes[0].get_legend().get_texts()]
    assert legend[0].endswith(f"ECE {told['ece']:.4f}")
    assert legend[1].endswith(f"ECE {told['calibrated_ece']:.4f}")


def test_weights_that_are_saved_anew_have_no_calibration(lines, model):
    lines("calibrate", model, "--limit", 5)
    before = load(model)
    modeldir.save(model, model=before.model, signal=before.signal, space=before.space)
    assert "calibration" not in load(model).card


def test_beginnings_are_fitted_together(lines, model):
    (told,) = lines("calibrate", model, "--limit", 20, "--first", 8, "--first", 16)
    assert told["n"] == 40
    assert "only the first 8 symbols" in told["protocol"]
    assert "only the first 16 symbols" in told["protocol"]


def test_sounds_are_read_as_in_training_or_as_options_say(refused, voices, voices_model, tmp_path):
    model = shutil.copytree(voices_model, tmp_path / "model")
    table = tmp_path / "table.csv"
    files = sorted(path.name for path in voices.iterdir())
    table.write_text("file,speaker\n" + "".join(f"{name},ann\n" for name in files))
    asked = ("calibrate", model, "--data", voices, "--mono", "--resample")
    told = refused(*asked, "--labels", table)
    assert "the valid part is empty" in told
    for what in ("labels from table.csv", "mixed to mono", "resampled"):
        assert what in told


def test_calibration_needs_a_directory_and_classify_a_calibration(refused, digits_model, image):
    assert "is kept in the model's directory; got 'digits'" in refused("calibrate", "digits")
    told = refused("classify", digits_model, image, "--calibrated")
    assert "the model has no calibration: `autoreg calibrate MODEL --data DIR` fits one" in told


def test_evaluation_without_a_calibration_is_as_before(lines, digits_model):
    (told,) = lines("evaluate", digits_model, "--limit", 5)
    density = load(digits_model)
    expected = evaluate(density, read_corpus({"kind": "digits"}), limit=5).to_dict()
    assert "temperature" not in told
    assert told["log_score"] == pytest.approx(expected["log_score"])
