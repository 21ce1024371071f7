"""The verb that says what a model is."""

import math

from autoreg import modeldir
from autoreg.cli.options import AsJson, Model
from autoreg.cli.output import print_json
from autoreg.data.sound import Sound
from autoreg.modeldir import Loaded


def info(model: Model, *, as_json: AsJson = False) -> None:
    """Everything is read from the model directory; nothing in it is executed.

    What model.json says, then the model's own README.md if it has one: of a bundled model, what
    it was trained on, how good it is, and by which commands. With --json, that is all of
    model.json, the numbers that follow from it, and the README.md as "notes".

    Example::

        autoreg info digits
        autoreg info runs/speakers --json | python -m json.tool
    """
    loaded, notes = modeldir.load(model, device="cpu"), modeldir.notes(model)
    parameters = sum(weight.numel() for weight in loaded.model.parameters())
    if as_json:
        numbers = {"parameters": parameters, "order": loaded.model.order}
        print_json({"name": model, **numbers, **loaded.card, "notes": notes})
        return
    rows = _rows(loaded, parameters)
    width = max(len(name) for name, _ in rows)
    for name, told in rows:
        print(f"{name:{width}}  {told}")
    if notes:
        print(f"\n{notes}")


def _rows(loaded: Loaded, parameters: int) -> list[tuple[str, str]]:
    card, signal, space, order = loaded.card, loaded.signal, loaded.space, loaded.model.order
    training = card["training"]
    reach = f"{order:,} symbols"
    if isinstance(signal, Sound):
        reach += f", {1000 * order / signal.sample_rate:.4g} ms,"
    rows = [
        ("model", f"{card['model']['kind']}, {parameters:,} parameters"),
        ("a factor sees", f"the {reach} before it"),
        ("signal", ", ".join(f"{key} {_told(value)}" for key, value in signal.config().items())),
    ]
    for name in space.names:
        asked = " (what classify tells)" if name == loaded.target else ""
        rows.append((f"{name}{asked}", ", ".join(space.labels(name))))
    if space.counts is not None:
        rows.append(("training sequences", f"{sum(space.counts):,}"))
    rows.append(("data", card["protocol"] or "not told"))
    if "step" in training:
        nats = training["valid_nats_per_symbol"]
        judged = "" if nats is None else f", {nats / math.log(2):.4f} bits a symbol in validation"
        rows.append(("trained", f"{training['step']:,} steps{judged}"))
    if "calibration" in card:
        found = card["calibration"]
        told = f"temperature {found['temperature']:.4g}, fitted to {', '.join(found['of'])}"
        rows.append(("calibrated", f"{told} of {found['n']:,} sequences"))
    versions = ", ".join(f"{name} {version}" for name, version in card["versions"].items())
    rows.append(("made with", f"autoreg {card['autoreg']}, {versions}"))
    return rows


def _told(value: object) -> str:
    """Return plain data as people read it."""
    if isinstance(value, dict):
        return " ".join(_told(one) for one in value.values())
    return str(value)
