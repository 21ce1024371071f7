import pytest
import torch

from autoreg import modeldir
from autoreg.conditions import ConditionSpace
from autoreg.data.source import read_corpus
from autoreg.density import Density, load
from autoreg.evaluation import evaluate
from autoreg.models.wavenet import WaveNet


def test_model_knows_what_to_be_judged_on(lines, run, digits_model):
    (told,) = lines("evaluate", digits_model)
    expected = evaluate(load(digits_model), read_corpus({"kind": "digits"})).to_dict()
    assert told["accuracy"] == expected["accuracy"]
    assert told["nats_per_sequence"] == pytest.approx(expected["nats_per_sequence"])
    assert told["std_error"] == pytest.approx(expected["std_error"])
    assert told["protocol"].endswith("as put aside in training")
    assert (told["n"], told["of"], told["model"]) == (360, ["digit"], str(digits_model))
    people = run("evaluate", digits_model, "--limit", 20, "--split", "valid").stdout
    for what in ("accuracy of digit", "nats per sequence", "ece", "20 sequences"):
        assert what in people


def test_sounds_need_their_folder_only(lines, refused, voices, voices_model):
    (told,) = lines("evaluate", voices_model, "--data", voices)
    assert (told["n"], told["of"]) == (2, ["speaker"])
    assert "audio data need their folder (--data)" in refused("evaluate", voices_model)


def test_beginnings_are_heard_at_their_own_peak(lines, voices, peak_model):
    (told,) = lines("evaluate", peak_model, "--data", voices, "--first", "10ms")
    density = load(peak_model)
    nats = [
        -float(density.log_prob(voices / f"{name}_0.wav", stop=0.01)) for name in ("ann", "bob")
    ]
    assert told["nats_per_sequence"] == pytest.approx(sum(nats) / 2)
    assert "only the first 0.01 s of each" in told["protocol"]


def test_labels_may_come_from_elsewhere(lines, refused, voices, voices_model, tmp_path):
    table = tmp_path / "table.csv"
    files = sorted(path.name for path in voices.iterdir())
    table.write_text("file,speaker\n" + "".join(f"{name},ann\n" for name in files))
    (swapped,) = lines("evaluate", voices_model, "--data", voices, "--labels", table)
    assert "labels from table.csv" in swapped["protocol"]
    table.write_text("file,speaker\n" + "".join(f"{name},cleo\n" for name in files))
    told = refused("evaluate", voices_model, "--data", voices, "--labels", table)
    assert "needs a speaker that a training file has, ann, bob; got 'cleo'" in told


def test_data_of_mnist_come_from_the_environment(refused, digits_model, tmp_path):
    density = load(digits_model)
    source = {"kind": "mnist", "levels": 17}
    there = _saved(density, tmp_path / "model", source)
    assert "mnist data need their folder" in refused("evaluate", there, AUTOREG_DATA="")
    told = refused("evaluate", there, AUTOREG_DATA=str(tmp_path))
    assert f"{tmp_path}/MNIST/raw: the four files of MNIST need to be there" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--of", "speaker"], "the model has no factor 'speaker'; it has digit"),
        (["--prior", "even"], "a prior is uniform"),
        (["--first", "0.1s"], "seconds are for sounds; digits data are cut by symbols"),
        (["--mono"], "mono and resample are for sounds; this is a picture"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(refused, digits_model, options, message):
    assert message in refused("evaluate", digits_model, *options)


def test_model_that_does_not_tell_its_data_is_refused(refused, digits_model, tmp_path):
    there = _saved(load(digits_model), tmp_path / "model", {})
    assert "the model does not say how its data are read" in refused("evaluate", there)


def _saved(density: Density, directory, source):
    return modeldir.save(
        directory,
        model=density.model,
        signal=density.signal,
        space=density.space,
        training={"data": source},
    )


def test_questions_share_one_scoring_that_is_kept(lines, refused, digits_model, tmp_path):
    table = tmp_path / "scores.npz"
    asked = ("evaluate", digits_model, "--limit", 6, "--table", table)
    (first,) = lines(*asked, "--of", "digit")
    (again,) = lines(*asked, "--of", "digit", "--of", "digit")
    assert [one["log_score"] for one in again["targets"]] == [first["log_score"]] * 2
    assert table.is_file()
    other = ("evaluate", digits_model, "--limit", 7, "--table", table)
    assert "needs scores of these sequences by these weights" in refused(*other)
    assert "factors asked for need to be all different" in refused(*asked, "--of", "digit,digit")


def test_reliability_is_drawn(run, digits_model, tmp_path):
    path = tmp_path / "sure.png"
    result = run("evaluate", digits_model, "--limit", 6, "--reliability", path, "-q")
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_reliability_that_cannot_be_drawn_is_refused_before_scoring(
    refused, digits_model, tmp_path
):
    asked = ("evaluate", digits_model, "--limit", 6, "--table", tmp_path / "scores.npz")
    told = refused(*asked, "--reliability", tmp_path / "sure.wav")
    assert "--reliability needs a file .png, .pdf, .svg; got" in told
    told = refused(*asked, "--reliability", tmp_path / "none" / "sure.png")
    assert "sure.png: needs a folder that exists" in told
    assert not (tmp_path / "scores.npz").exists()
    density = load(digits_model)
    with torch.random.fork_rng(devices=[]):
        sizes = {"dilations": [1], "residual": 2, "skip": 2, "hidden": 2}
        model = WaveNet(density.model.num_symbols, **sizes)
    bare = modeldir.save(
        tmp_path / "bare",
        model=model,
        signal=density.signal,
        space=ConditionSpace({}),
        training={"data": {"kind": "digits"}},
    )
    told = refused("evaluate", bare, "--reliability", tmp_path / "sure.png")
    assert "a reliability diagram needs labels to tell apart; the model has none" in told


def test_hidden_parts_are_judged_by_mask(lines, run, refused, digits_model):
    asked = ("evaluate", digits_model, "--limit", 1, "--paths", 2)
    lower, random = lines(*asked, "--hidden", "lower", "--hidden", "random", "--share", "0.25")
    assert (lower["mask"], lower["exact"], lower["share"]) == ("lower", 1.0, 0.25)
    assert (random["mask"], random["n"], random["paths"]) == ("random", 1, 2)
    assert random["exact"] == 1.0  # so few pixels, of so small a model, are summed over
    people = run(*asked, "--hidden", "lower").stdout
    assert "nats per hidden symbol" in people
    assert "what is hidden needs one of lower" in refused(*asked, "--hidden", "middle")
    told = refused(*asked, "--hidden", "lower", "--table", "scores.npz")
    assert "--table and --reliability are of what is seen whole" in told


def test_one_stretch_of_a_sound_is_hidden(lines, voices, voices_model):
    asked = ("--data", voices, "--hidden", "random", "--paths", 2, "--first", "4ms")
    (told,) = lines("evaluate", voices_model, *asked)
    assert (told["n"], told["share"]) == (2, 0.5)
