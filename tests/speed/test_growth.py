from autoreg.speed import growth


def test_each_thing_grows_by_itself(monkeypatch, brief):
    monkeypatch.setattr(growth, "SHORT", brief)
    monkeypatch.setattr(growth, "LENGTH", 8)
    small = {"residual": 2, "skip": 3, "hidden": 3, "dilations": (1, 2)}
    monkeypatch.setattr(growth, "BASE", small)
    axes = {
        "layers": (1, 2),
        "width": (2,),
        "batch": (2,),
        "length": (4,),
        "conditions": (2,),
        "particles": (4,),
    }
    found = growth.growth(axes)
    assert [point["layers"] for point in found["layers"]] == [1, 2]
    assert found["layers"][0]["multiplications"] < found["layers"][1]["multiplications"]
    assert set(found["length"][0]) == {"length", "multiplications", "generation", "scoring"}
    assert set(found["conditions"][0]) == {"conditions", "multiplications", "posterior"}
    assert set(found["particles"][0]) == {"particles", "multiplications", "infilling"}
