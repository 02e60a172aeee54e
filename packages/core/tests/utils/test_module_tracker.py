"""ModuleTracker: the modules that are at work, forward and backward."""

import flambeau
from flambeau import nn
from flambeau.utils.module_tracker import ModuleTracker


class Seen(nn.Module):
    """Notes who is at work, when it is called and when its gradient comes."""

    def __init__(self, tracker):
        super().__init__()
        self.tracker, self.forwards, self.backwards = tracker, [], []

    def forward(self, input):
        y = input["x"] * 2
        self.forwards.append((self.tracker.parents, self.tracker.is_bw))
        y.register_hook(lambda _g: self.backwards.append((self.tracker.parents, self.tracker.is_bw)))
        return {"x": y * 3}


def test_forward_and_backward():
    tracker = ModuleTracker()
    net = nn.Sequential(Seen(tracker), nn.ModuleDict({"inner": Seen(tracker)})["inner"])
    x = flambeau.ones(2, requires_grad=True)
    with tracker:
        for _ in range(2):
            net({"x": x})["x"].sum().backward()
            assert tracker.parents == {"Global"} and not tracker.is_bw
    for i, part in enumerate(net):
        here = {"Global", "Sequential", f"Sequential.{i}"}
        assert part.forwards == [(here, False)] * 2 and part.backwards == [(here, True)] * 2
    net({"x": x})["x"].sum().backward()
    assert net[0].backwards[-1][0] == {"Global"}  # hooks are gone


def test_inputs_that_need_no_gradient():
    with ModuleTracker() as tracker:
        nn.Linear(2, 2)(flambeau.ones(2)).sum().backward()
        assert tracker.parents == {"Global"}
