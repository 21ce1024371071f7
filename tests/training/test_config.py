import dataclasses

import pytest
import torch

from autoreg.models.wavenet import WaveNet
from autoreg.training.config import Config, ModelConfig, TrainingConfig, preset, presets


def test_plain_values_and_back_is_the_same_config():
    config = Config(ModelConfig(dilations=(1, 3), gate=8), TrainingConfig(crop=100))
    assert Config.from_dict(config.to_dict()) == config


def test_toml_gives_what_it_says_and_defaults_for_the_rest(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text('[model]\ndilations = [1, 2]\n[training]\nclip = 1\nprecision = "bfloat16"\n')
    config = Config.from_toml(path)
    assert config.model == ModelConfig(dilations=(1, 2))
    assert config.training == TrainingConfig(clip=1.0, precision="bfloat16")
    assert type(config.training.clip) is float


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"training": {"step": 3}}, ValueError, r"no setting training\.step; .* training\.steps"),
        ({"modell": {}}, ValueError, "no setting modell; the nearest is model"),
        ({"model": 3}, TypeError, "model needs to be a table; got 3"),
        ({"training": {"steps": 3.5}}, TypeError, r"training\.steps needs int; got 3\.5"),
        ({"training": {"steps": True}}, TypeError, r"training\.steps needs int; got True"),
        ({"training": {"crop": "all"}}, TypeError, "training.crop needs int or none; got 'all'"),
        (
            {"training": {"precision": "float16"}},
            TypeError,
            "precision needs 'auto' or 'float32' or 'bfloat16'; got 'float16'",
        ),
        ({"model": {"dilations": [1, "2"]}}, TypeError, r"model\.dilations needs int; got '2'"),
        (
            {"training": {"steps": 0}},
            ValueError,
            r"training\.steps needs to be more than 0; got 0",
        ),
        ({"training": {"seed": -1}}, ValueError, r"training\.seed needs to be 0 or more; got -1"),
        ({"training": {"average": 2.0}}, ValueError, r"average needs to be within 0\.\.1; got 2"),
    ],
)
def test_what_is_wrong_is_named(values, error, message):
    with pytest.raises(error, match=message):
        Config.from_dict(values)


def test_error_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text("steps = ")
    with pytest.raises(ValueError, match=r"config\.toml: "):
        Config.from_toml(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.toml"):
        Config.from_toml(tmp_path / "missing.toml")


def test_assignments_replace_single_values():
    config = Config(training=TrainingConfig(crop=5, steps=7))
    changed = config.replace_from(
        ["training.crop=none", "training.precision=bfloat16", "model.dilations=[1, 4]"]
    )
    assert changed.training == TrainingConfig(steps=7, precision="bfloat16")
    assert changed.model.dilations == (1, 4)


@pytest.mark.parametrize("assignment", ["steps=3", "training.steps", "=3"])
def test_assignment_without_section_or_value_is_refused(assignment):
    with pytest.raises(ValueError, match=r"looks like training\.steps=10; got"):
        Config().replace_from([assignment])


def test_differences_name_what_changed():
    config = Config()
    other = config.replace_from(["training.steps=3", "model.skip=7"])
    assert config.differences(other) == ["model.skip: 128 -> 7", "training.steps: 10000 -> 3"]
    assert config.differences(config) == []


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainingConfig().steps = 3


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_a_model_that_can_be_built(name):
    shape = dict(vars(preset(name).model))
    shape.pop("features")
    with torch.device("meta"):
        model = WaveNet(256, **shape)
    assert model.order > 1


def test_unknown_preset_is_refused_with_the_list():
    with pytest.raises(ValueError, match="no preset is called 'digit'; there are digits, "):
        preset("digit")
