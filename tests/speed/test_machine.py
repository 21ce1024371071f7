import json
import os

from autoreg.speed.machine import cores, machine


def test_the_machine_is_plain_data():
    told = machine()
    assert json.loads(json.dumps(told)) == told
    assert told["cpu"]["cores"] == cores() <= (os.cpu_count() or 1)
    assert told["versions"]["torch"]
    assert told["date"].endswith("+00:00")
    assert told["commit"] is None or len(told["commit"].rstrip("+")) == 40
