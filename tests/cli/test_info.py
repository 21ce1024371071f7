import json


def test_model_is_described_to_people(run, voices_model):
    result = run("info", voices_model)
    assert result.exit_code == 0
    for told in ("wavenet, ", "the 5 symbols, 0.625 ms, before it", "ann, bob", "mulaw 16"):
        assert told in result.stdout
    assert "speaker (what classify tells)" in result.stdout


def test_model_is_described_to_machines(lines, digits_model):
    (told,) = lines("info", digits_model)
    card = json.loads((digits_model / "model.json").read_text())
    assert told.items() >= card.items()
    assert told["order"] == 5
    assert told["parameters"] > 100


def test_bad_models_are_refused(refused, digits_model, tmp_path):
    assert "is not a model" in refused("info", tmp_path / "nowhere")
    assert "model.json" in refused("info", tmp_path)
    cut = tmp_path / "cut"
    cut.mkdir()
    for name in ("model.json", "weights.safetensors"):
        (cut / name).write_bytes((digits_model / name).read_bytes()[:-20])
    assert "cut/" in refused("info", cut)
    (cut / "model.json").write_bytes((digits_model / "model.json").read_bytes())
    assert "weights.safetensors" in refused("score", cut, "x.png")
