import io
import json
import logging
import math
from functools import partial

import pytest
from rich.console import Console

from autoreg.cli import output
from autoreg.cli.output import counting, logged, print_json, waiting


def test_what_json_has_no_word_for_is_null(capsys):
    print_json({"a": [math.nan, 1.5], "b": {"c": -math.inf}, "d": "é"})
    assert json.loads(capsys.readouterr().out) == {"a": [None, 1.5], "b": {"c": None}, "d": "é"}


def test_a_label_is_no_markup(monkeypatch):
    seen = io.StringIO()
    monkeypatch.setattr(
        output, "Console", partial(Console, file=seen, force_terminal=True, width=120)
    )
    what = "drawing [red]a{b}.wav"
    with output.waiting(what, quiet=False), output.counting(what, quiet=False) as told:
        told(1, 2)
    assert seen.getvalue().count(what) >= 2


def test_nobody_looking_sees_no_progress(capsys):
    with counting("files", quiet=False) as told, waiting("drawing", quiet=False):
        told(1, 2)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("verbose", "heard"), [(False, "odd\n"), (True, "detail\nodd\n")])
def test_log_is_heard_for_a_while(capsys, verbose, heard):
    logger = logging.getLogger("autoreg.data.audio")
    with logged(verbose=verbose):
        logger.info("detail")
        logger.warning("odd")
    assert capsys.readouterr().err == heard
    logger.info("nobody listens any more")
    assert capsys.readouterr().err == ""
