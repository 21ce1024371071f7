import errno

import pytest
import typer

from autoreg.cli.refusals import refusing, report


def test_job_that_is_refused_reports_and_ends_with_1(capsys):
    def job(number: int) -> int:
        if number < 0:
            raise ValueError(f"number needs [0, 1]; got {number}")
        return number

    assert refusing(job)(3) == 3
    with pytest.raises(typer.Exit) as ended:
        refusing(job)(-1)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "error: number needs [0, 1]; got -1\n"


def test_error_of_the_system_names_the_file_first(capsys):
    report(OSError(errno.ENOSPC, "No space left on device", "out.npy"))
    assert capsys.readouterr().err == "error: out.npy: No space left on device\n"


def test_long_line_stays_one_line(capsys):
    report(ValueError("word " * 100))
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("error", [BrokenPipeError(), KeyError("a defect")])
def test_what_is_no_refusal_passes(error):
    def job() -> None:
        raise error

    with pytest.raises(type(error)):
        refusing(job)()
