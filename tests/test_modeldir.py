import errno
import json
import pickle
import shutil

import pytest
import torch

from autoreg import filepair, hub, modeldir, plaindata
from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.models.wavenet import WaveNet
from autoreg.plaindata import ModelDirError
from autoreg.scoring import log_factors

SPACE = ConditionSpace({"speaker": ("änne", "bob"), "digit": ("0", "1")}, counts=[3, 1, 0, 2])


def wavenet(seed=0, **changes):
    """Return a WaveNet over three symbols whose parameters are all random."""
    sizes = {"dilations": [1, 2], "residual": 4, "skip": 4, "hidden": 4, "condition_width": 4}
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(**{"num_symbols": 3, "conditions": [2, 2], **sizes, **changes})
    for parameter in model.parameters():
        parameter.data.normal_(generator=generator)
    return model


def accompanied():
    """Return a model that was given the features of one signal."""
    frames = torch.ones(1, 3, 2)
    return wavenet(num_features=2, hop=4).with_features(frames, phase=torch.tensor([5]))


def save(directory, **changes):
    parts = {"model": wavenet(), "signal": Plain(3), "space": SPACE, "target": "digit"}
    return modeldir.save(directory, **{**parts, **changes})


def forge(directory, **changes):
    """Change model.json; a change to None removes the key."""
    card = json.loads((directory / "model.json").read_text())
    card.update(changes)
    kept = {key: value for key, value in card.items() if value is not None}
    (directory / "model.json").write_text(json.dumps(kept))


def forge_weights(directory, **tensors):
    """Change tensors and record them as if they had been saved so."""
    path = directory / "weights.safetensors"
    found = plaindata.parse_tensors(path, path.read_bytes())
    payload = plaindata.tensor_bytes({**found, **tensors})
    filepair.write(directory, json.loads((directory / "model.json").read_text()), payload)


def parameters(directory):
    return json.loads((directory / "model.json").read_text())["model"]["parameters"]


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.is_file()}


def test_a_model_comes_back_with_all_that_was_said_about_it(tmp_path):
    told = {
        "protocol": "recordings of two people",
        "split": {"train": ["a.wav"], "test": ["b.wav"]},
        "training": {"steps": 10, "rate": 0.1, "seed": None},
    }
    history = [{"step": 1, "nats": 0.5}, {"step": 2, "nats": 0.25}]
    assert save(tmp_path / "a" / "model", **told, history=history) == tmp_path / "a" / "model"
    loaded = modeldir.load(tmp_path / "a" / "model", device="cpu")
    assert loaded.signal == Plain(3)
    assert loaded.space == SPACE
    assert loaded.space.counts == (3, 1, 0, 2)
    assert loaded.target == "digit"
    assert {key: loaded.card[key] for key in told} == told
    assert loaded.card["versions"]["torch"] == torch.__version__
    assert not loaded.model.training
    files = contents(tmp_path / "a" / "model")
    assert files.keys() == {"model.json", "weights.safetensors", "history.jsonl"}
    assert [json.loads(line) for line in files["history.jsonl"].splitlines()] == history


def test_the_mass_of_all_sequences_is_one_after_loading(tmp_path):
    model = wavenet().double()
    save(tmp_path, model=model)
    loaded = modeldir.load(tmp_path, device="cpu").model
    symbols = torch.cartesian_prod(*[torch.arange(3)] * 4)
    for condition in range(4):
        conditions = torch.full((81,), condition)
        with torch.no_grad():
            factors = log_factors(loaded, symbols, conditions)
            assert torch.equal(factors, log_factors(model, symbols, conditions))
        assert float(factors.sum(-1).exp().sum()) == pytest.approx(1, abs=1e-10)


def test_features_are_stored_with_the_weights(tmp_path):
    picture = Picture(Threshold(), Scan("column", 2, 3))
    model = wavenet(num_symbols=2, num_features=5).with_features(picture.scan.features()[None])
    save(tmp_path, model=model, signal=picture)
    loaded = modeldir.load(tmp_path, device="cpu")
    assert torch.equal(loaded.model.features, model.features)
    assert loaded.model.length == loaded.signal.length == 6
    assert loaded.signal == picture


def test_dtype_is_that_of_the_weights_unless_asked(tmp_path):
    save(tmp_path, model=wavenet().to(torch.bfloat16))
    assert modeldir.load(tmp_path, device="cpu").model.embedding.weight.dtype == torch.bfloat16
    model = modeldir.load(tmp_path, device="cpu", dtype=torch.float64).model
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float64}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("levels", [{"scalar": True}, {"mixtures": 2}])
def test_levels_are_not_loaded_in_a_type_that_cannot_tell_them_apart(tmp_path, levels, dtype):
    save(tmp_path, model=wavenet(**levels))
    named = f"with {next(iter(levels))} needs dtype float32 or float64, .*its 3 levels.*got .*16"
    with pytest.raises(ValueError, match=named):
        modeldir.load(tmp_path, device="cpu", dtype=dtype)
    assert modeldir.load(tmp_path, device="cpu", dtype=torch.float64).model.order == 5
    with pytest.raises(ValueError, match=named):
        save(tmp_path, model=wavenet(**levels).to(dtype))


def test_saving_the_same_model_twice_gives_the_same_bytes(tmp_path):
    save(tmp_path / "a", model=wavenet())
    save(tmp_path / "b", model=wavenet())
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_calibration_is_kept_until_other_weights_come(tmp_path):
    save(tmp_path)
    before = contents(tmp_path)
    assert modeldir.keep_calibration(tmp_path, {"temperature": 2.5}) == tmp_path
    assert modeldir.load(tmp_path, device="cpu").card["calibration"] == {"temperature": 2.5}
    assert contents(tmp_path)["weights.safetensors"] == before["weights.safetensors"]
    modeldir.keep_calibration(tmp_path, {"temperature": 3.5})
    assert modeldir.load(tmp_path, device="cpu").card["calibration"] == {"temperature": 3.5}
    modeldir.keep_calibration(tmp_path, None)
    assert contents(tmp_path) == before
    forge(tmp_path, calibration="2.5")
    with pytest.raises(ModelDirError, match="needs another type of calibration"):
        modeldir.load(tmp_path)


def test_a_save_leaves_other_files_alone(tmp_path):
    save(tmp_path, history=[{"step": 1}])
    (tmp_path / "README.md").write_text("mine")
    save(tmp_path / "last", model=wavenet(1))
    save(tmp_path, model=wavenet(2))
    assert contents(tmp_path)["README.md"] == b"mine"
    assert contents(tmp_path)["history.jsonl"] == b'{"step": 1}\n'
    best, last = (
        modeldir.load(path, device="cpu").model for path in (tmp_path, tmp_path / "last")
    )
    assert not torch.equal(best.embedding.weight, last.embedding.weight)


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"signal": Plain(4)}, ValueError, "the model has 3 symbols, its signal 4"),
        ({"space": ConditionSpace({"a": "wxyz"})}, ValueError, r"sizes \(2, 2\).*\(4,\)"),
        ({"target": "age"}, ValueError, r"target needs a factor among .*'digit'.*; got 'age'"),
        ({"model": torch.nn.Linear(1, 1)}, TypeError, "of kind wavenet; got Linear"),
        ({"model": wavenet(num_features=2)}, ValueError, "missing     features"),
        ({"model": accompanied()}, ValueError, "without features at a hop, which belong to a sig"),
        ({"training": {"clip": float("inf")}}, TypeError, "training needs plain data"),
        ({"split": {"test": {1, 2}}}, TypeError, "split needs plain data"),
        ({"history": [{"nats": float("nan")}]}, TypeError, "history needs plain data"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, changes, error, reason):
    save(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(error, match=reason):
        save(tmp_path, **changes)
    assert contents(tmp_path) == before


def test_a_model_that_diverged_does_not_replace_the_one_before(tmp_path):
    save(tmp_path)
    before, diverged = contents(tmp_path), wavenet()
    diverged.embedding.weight.data[1, 2] = float("nan")
    with pytest.raises(
        ValueError, match=r"1 of the 16 values of embedding\.weight are not finite"
    ):
        save(tmp_path, model=diverged)
    assert contents(tmp_path) == before


def test_a_full_disk_is_reported_with_the_directory(tmp_path, monkeypatch):
    def full(path, payload):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    save(tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(plaindata, "stage", full)
    with pytest.raises(OSError, match=f"No space left.*that was in {tmp_path} still l") as refused:
        save(tmp_path, model=wavenet(1))
    assert refused.value.errno == errno.ENOSPC
    assert contents(tmp_path) == before


def test_no_way_to_find_a_model_lists_those_there_are(tmp_path, monkeypatch):
    save(tmp_path / "small")
    monkeypatch.setattr(modeldir, "BUNDLED", tmp_path)
    assert modeldir.bundled() == ["small"]
    for name in ("large", "", "../small", str(tmp_path / "small" / "model.json")):
        with pytest.raises(ModelDirError, match=r"is not a model: .*\(small\) or hf:owner/name"):
            modeldir.load(name)


def test_a_directory_comes_before_a_bundled_model_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(modeldir, "BUNDLED", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "bundled" / "small", protocol="bundled")
    assert modeldir.load("small", device="cpu").card["protocol"] == "bundled"
    save(tmp_path / "small", protocol="own")
    assert modeldir.load("small", device="cpu").card["protocol"] == "own"


@pytest.mark.parametrize("name", modeldir.bundled())
def test_bundled_models_load_and_have_a_card(name):
    loaded = modeldir.load(name, device="cpu")
    assert loaded.card["protocol"]
    assert sum(path.stat().st_size for path in (modeldir.BUNDLED / name).iterdir()) <= 3_000_000
    assert name in (modeldir.BUNDLED / name / "README.md").read_text()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": 2, "autoreg": "9.1"}, "needs format 1, .* format 2, written by autoreg '9.1'"),
        ({"format": None}, "needs format 1, .* got format None"),
        ({"protocol": None}, "\n  missing     protocol"),
        ({"weights_file": "../../etc/passwd"}, "\n  unexpected  weights_file"),
        ({"training": [1]}, r"another type of training; got \[1\]"),
        ({"model": {"kind": "wavenet"}}, r"json, model, has.*\n  missing     parameters"),
        ({"model": {"kind": "os.system", "parameters": {}}}, "kind wavenet; got 'os.system'"),
        ({"model": {"kind": ["wavenet"], "parameters": {}}}, "json, model, .*unhashable"),
        ({"model": {"kind": "wavenet", "parameters": []}}, "parameters needs to be an object"),
        ({"signal": {"kind": "plane", "num_symbols": 3}}, "json, signal: .*'plane'"),
        ({"signal": {"kind": "plain", "num_symbols": 3, "x": 1}}, "json, signal: .*x"),
        ({"signal": {}}, "json, signal: "),
        ({"signal": {"kind": "plain", "num_symbols": 4}}, "has 3 symbols, its signal 4"),
        ({"conditions": {"factors": [["a", [1, 2]]], "counts": None}}, "conditions: .*of text"),
        ({"conditions": {"factors": {}, "counts": None}}, "json, conditions: "),
        ({"conditions": {"factors": [], "counts": None}}, r"sizes \(2, 2\)"),
        ({"target": "age"}, "target needs a factor"),
        ({"target": 3}, "another type of target; got 3"),
    ],
)
def test_a_foreign_card_is_refused_by_name(tmp_path, changes, reason):
    save(tmp_path)
    forge(tmp_path, **changes)
    with pytest.raises(ModelDirError, match=rf"(?s)model\.(?=json).*{reason}"):
        modeldir.load(tmp_path, device="cpu")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"num_heads": 3}, "unexpected  num_heads"),
        ({"residual": 8}, r"changed     embedding.weight \(4, 8\) float32 is \(4, 4\) float32"),
        ({"residual": "4"}, "json, model, and weights.safetensors: "),
        ({"kernel_size": -1}, "json, model, and weights.safetensors: "),
        ({"residual": 10**7}, r"\(4, 10000000\) float32 is \(4, 4\)"),
        ({"residual": 10**30}, r"json, model, and weights.safetensors: [^\n]*$"),
        ({"dilations": [1] * 10_000}, r"dilations has 10,000 entries for \d\d tensors"),
    ],
)
def test_a_model_that_is_not_that_of_the_weights_is_refused(tmp_path, change, reason):
    save(tmp_path)
    forge(tmp_path, model={"kind": "wavenet", "parameters": {**parameters(tmp_path), **change}})
    with pytest.raises(ModelDirError, match=rf"(?s)model\.(?=json).*{reason}"):
        modeldir.load(tmp_path, device="cpu")


def test_foreign_weights_are_shown_as_a_difference(tmp_path):
    save(tmp_path)
    forge_weights(tmp_path, **{"stack.layers.9.bias": torch.ones(2)})
    message = r"(?s)model\.json, model, and weights\.safetensors: .*unexpected  stack\.layers\.9"
    with pytest.raises(ModelDirError, match=message):
        modeldir.load(tmp_path, device="cpu")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    save(tmp_path)
    forge_weights(tmp_path, **{"stack.skip.bias": torch.full((4,), float("inf"))})
    with pytest.raises(ModelDirError, match=r"weights\.safetensors: 4 of the 4 values of stack"):
        modeldir.load(tmp_path, device="cpu")


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ModelDirError, match=f"{name} cannot be read: it does not exist"):
        modeldir.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("kept", [0, 4, 100, -1])
def test_a_truncated_file_is_named(tmp_path, name, kept):
    save(tmp_path)
    path = tmp_path / name
    # The last byte of model.json is a newline, which nothing needs.
    path.write_bytes(path.read_bytes().rstrip(b"\n")[:kept])
    with pytest.raises(ModelDirError, match=name):
        modeldir.load(tmp_path)


class Bomb:
    """What runs code as soon as it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("a pickle was opened",))


def test_no_pickle_is_ever_opened(tmp_path):
    save(tmp_path)
    with (tmp_path / "weights.safetensors").open("wb") as file:
        pickle.dump(Bomb(), file)
    with pytest.raises(ModelDirError, match=r"weights\.safetensors .* it is a pickle"):
        modeldir.load(tmp_path)
    torch.save({"embedding.weight": Bomb()}, tmp_path / "weights.safetensors")
    with pytest.raises(ModelDirError, match=r"weights\.safetensors .* it is a pickle"):
        modeldir.load(tmp_path)
    shutil.copy(tmp_path / "weights.safetensors", tmp_path / "model.json")
    with pytest.raises(ModelDirError, match=r"model\.json is not readable as JSON"):
        modeldir.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_link_out_of_the_directory_is_refused(tmp_path, name):
    save(tmp_path / "victim")
    save(tmp_path / "model")
    (tmp_path / "model" / name).unlink()
    (tmp_path / "model" / name).symlink_to(tmp_path / "victim" / name)
    with pytest.raises(ModelDirError, match=f"{name} is a link that leads out of"):
        modeldir.load(tmp_path / "model")
    shutil.copytree(tmp_path / "victim", tmp_path / "model" / "best")
    (tmp_path / "model" / name).unlink()
    (tmp_path / "model" / name).symlink_to(f"best/{name}")
    assert modeldir.load(tmp_path / "model", device="cpu").target == "digit"


def test_devices_and_types_are_checked_first(tmp_path):
    with pytest.raises(ValueError, match="device needs auto, cpu, cuda or cuda:N; got 'gpu'"):
        modeldir.load(tmp_path, device="gpu")
    with pytest.raises(ValueError, match=r"dtype needs a floating type; got torch\.int8"):
        modeldir.load(tmp_path, dtype=torch.int8)


def test_a_repository_is_loaded_from_the_links_of_its_cache(tmp_path, monkeypatch):
    wanted = []

    def fetch(name, files):
        wanted.append((name, set(files)))
        return snapshot, tmp_path

    snapshot = tmp_path / "snapshots" / "0123"
    save(tmp_path / "blobs")
    snapshot.mkdir(parents=True)
    for path in (tmp_path / "blobs").iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    monkeypatch.setattr(hub, "fetch", fetch)
    assert modeldir.load("hf:owner/name@v1", device="cpu").target == "digit"
    files = {"model.json", "weights.safetensors", "history.jsonl", "README.md"}
    assert wanted == [("hf:owner/name@v1", files)]


def test_only_a_model_that_loads_is_pushed_and_only_its_files(tmp_path, monkeypatch):
    uploads = []

    def publish(folder, repo, *, private):
        uploads.append((contents(folder), repo, private))
        return "address"

    monkeypatch.setattr(hub, "publish", publish)
    save(tmp_path, history=[{"step": 1}])
    (tmp_path / "README.md").write_text("card")
    expected = contents(tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"moments")
    assert modeldir.push(tmp_path, "owner/name", private=True) == "address"
    assert uploads == [(expected, "owner/name", True)]
    forge(tmp_path, target="age")
    with pytest.raises(ModelDirError, match="target"):
        modeldir.push(tmp_path, "owner/name")
    assert len(uploads) == 1
