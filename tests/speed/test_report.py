import json

import pytest

from autoreg.speed.report import Report


def test_a_report_survives_a_file(report, tmp_path):
    path = tmp_path / "deep" / "speed.json"
    report.save(path)
    assert Report.load(path) == report
    told = json.loads(path.read_text("utf-8"))
    assert told["rows"][0]["targets"][0] == {"wanted": "120x plain", "found": 200.0, "met": True}


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="a report needs format 1; got 2"):
        Report.from_dict({"format": 2})
