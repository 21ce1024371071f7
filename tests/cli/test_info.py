import json
import shutil

import pytest

from autoreg import load, modeldir


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


@pytest.mark.parametrize("name", modeldir.bundled())
def test_bundled_models_are_shown_with_their_cards(run, lines, name):
    written = (modeldir.BUNDLED / name / "README.md").read_text().strip()
    assert run("info", name).stdout.endswith(f"\n\n{written}\n")
    assert lines("info", name)[0]["notes"] == written


def test_notes_do_not_move_the_terminal_nor_lead_elsewhere(run, lines, refused, model_of_another):
    assert lines("info", model_of_another)[0]["notes"] == ""
    notes = model_of_another / "README.md"
    notes.write_bytes(b"\x1b[2Jred\r\xff\ttab\nmore\n")
    assert run("info", model_of_another).stdout.endswith("\n\n[2Jred\ufffdtab\nmore\n")
    load(model_of_another)
    notes.unlink()
    notes.symlink_to("/etc/hostname")
    assert "leads out of" in refused("info", model_of_another)


@pytest.fixture
def model_of_another(digits_model, tmp_path):
    return shutil.copytree(digits_model, tmp_path / "model")


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
