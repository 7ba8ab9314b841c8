"""The training loop: resumed equals uninterrupted, the best model is kept, slips are refused."""

import json
import math
from dataclasses import replace

import pytest
import torch

from hsing.errors import TrainingError
from hsing.training.loop import LoopConfig, fit, load_state, weigh

CONFIG = LoopConfig(steps=20, learning_rate=0.05, warmup_steps=5, log_every=4, validate_every=5)


class Tiny(torch.nn.Module):
    """Dropout draws from the global generator; the buffer changes with every pass."""

    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(0.5))
        self.out = torch.nn.Linear(4, 1)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        if self.training:
            self.seen += 1
        return self.out(self.net(x))


def made(seed=0):
    torch.manual_seed(seed)
    return Tiny()


def losses_of(model, die_at=None):
    def losses(step):
        if step == die_at:
            raise KeyboardInterrupt
        x = torch.randn(16, 3)  # seeded by the loop
        return {"fit/square": (model(x)[:, 0] - x.sum(dim=1)).square().mean()}

    return losses


def train(folder, config=CONFIG, *, die_at=None, **options):
    model = made()
    weights = {"fit/square": 1.0}
    return model, fit(model, losses_of(model, die_at), weights, folder, config, **options)


def rows(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def test_resumed_is_bit_for_bit_as_uninterrupted(tmp_path):
    config = replace(CONFIG, save_every_s=0.0)
    straight, averaged = train(tmp_path / "straight", config)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", config, die_at=13)
    assert load_state(tmp_path / "broken" / "state.pt")["step"] == 13
    resumed, again = train(tmp_path / "broken", config)
    for ours, theirs in ((resumed, straight), (again, averaged)):
        for name, tensor in theirs.state_dict().items():
            assert torch.equal(ours.state_dict()[name], tensor), name
    assert float(averaged.seen) == 20
    first, second = (load_state(tmp_path / n / "state.pt") for n in ("straight", "broken"))
    for ours, theirs in zip(
        first["optimizer"]["state"].values(), second["optimizer"]["state"].values()
    ):
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_the_first_row_after_a_resume_is_the_mean_of_the_steps_since(tmp_path):
    def ones(model):
        return lambda step: {"fit/square": 0 * model(torch.zeros(1, 3)).sum() + 1}

    config = replace(CONFIG, save_every_s=0.0)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, config, die_at=14)
    model = made()
    fit(model, ones(model), {"fit/square": 1.0}, tmp_path, config)
    row = next(row for row in rows(tmp_path) if row["step"] == 16)  # steps 14 and 15 alone
    assert row["fit/square"] == row["total"] == 1.0


def test_a_finished_run_is_not_trained_on(tmp_path):
    _, first = train(tmp_path)
    _, again = train(tmp_path, die_at=0)
    assert all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values())
    )


def test_the_loss_falls_and_the_log_holds_means(tmp_path):
    told = []
    train(tmp_path, replace(CONFIG, steps=42), report=lambda step, row: told.append((step, row)))
    logged = [row for row in rows(tmp_path) if "total" in row]
    assert [row["step"] for row in logged] == [*range(4, 41, 4), 42]
    assert logged[-2]["fit/square"] < 0.7 * logged[0]["fit/square"]
    assert all(row["fit/square"] == row["total"] for row in logged)
    # the last row is the mean of two steps, not of four
    assert 0.3 < logged[-1]["total"] / logged[-2]["total"] < 3
    assert [step for step, _ in told] == [row["step"] for row in rows(tmp_path)]


def test_the_best_model_is_kept_and_returned(tmp_path):
    figures = {5: 3.0, 10: 1.0, 15: 2.0, 20: 1.5}
    states = {}

    def validate(model, step):
        states[step] = {k: v.clone() for k, v in model.state_dict().items()}
        assert not model.training
        return {"validation/x": figures[step]}

    _, returned = train(tmp_path, validate=validate, best_by="validation/x")
    best = load_state(tmp_path / "best.pt")
    assert (best["step"], best["figure"]) == (10, 1.0)
    for name, tensor in states[10].items():
        assert torch.equal(returned.state_dict()[name], tensor)
        assert torch.equal(best["averaged"][name], tensor)
    last = load_state(tmp_path / "state.pt")["averaged"]
    assert not torch.equal(last["out.weight"], states[10]["out.weight"])
    assert [row["validation/x"] for row in rows(tmp_path) if "validation/x" in row] == [
        3,
        1,
        2,
        1.5,
    ]


def test_a_validation_that_is_not_a_number_is_never_the_best(tmp_path):
    figures = {5: math.nan, 10: 1.0, 15: math.nan, 20: 2.0}
    train(tmp_path, validate=lambda model, step: {"x": figures[step]}, best_by="x")
    assert load_state(tmp_path / "best.pt")["step"] == 10


def test_without_best_by_the_last_is_returned(tmp_path):
    _, returned = train(tmp_path, validate=lambda model, step: {"x": step})
    last = load_state(tmp_path / "state.pt")["averaged"]
    assert all(torch.equal(last[k], v) for k, v in returned.state_dict().items())
    assert not (tmp_path / "best.pt").exists()


def test_the_average_follows_the_model(tmp_path):
    model, averaged = train(tmp_path, replace(CONFIG, steps=1, warmup_steps=1))
    start = made().state_dict()["out.weight"]
    moved = model.state_dict()["out.weight"] - start
    # the decay of the first step is (1 + 0)/(10 + 0)
    expected = start + 0.9 * moved
    assert moved.abs().min() > 0
    assert torch.allclose(averaged.state_dict()["out.weight"], expected, atol=1e-7)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_state(tmp_path):
    config = replace(CONFIG, save_every_s=0.0)
    model = made()

    def losses(step):
        return {"fit/square": model(torch.randn(4, 3)).mean() * (math.inf if step == 7 else 1)}

    with pytest.raises(TrainingError, match="step 7: the loss is not finite: the run has diverged"):
        fit(model, losses, {"fit/square": 1.0}, tmp_path, config)
    assert load_state(tmp_path / "state.pt")["step"] == 7


@pytest.mark.parametrize(
    ("weights", "odd"),
    [({"a": 1.0, "b": 1.0, "c": 1.0}, "c"), ({"a": 1.0}, "b"), ({"a": 1.0, "B": 2.0}, "B, b")],
)
def test_losses_and_weights_must_match_by_name(weights, odd):
    with pytest.raises(TrainingError, match=rf"do not match: {odd}; known: a, b"):
        weigh({"a": torch.ones(()), "b": torch.ones(())}, weights)


def test_the_weighted_sum():
    losses = {"a": torch.tensor(2.0), "b": torch.tensor(3.0)}
    assert weigh(losses, {"b": 0.5, "a": 10.0}) == 21.5


def test_another_configuration_is_refused(tmp_path):
    train(tmp_path)
    wide = torch.nn.Linear(7, 7)
    with pytest.raises(
        TrainingError, match=r"state.pt: from a run with another configuration; .* --output"
    ):
        fit(wide, lambda step: {}, {}, tmp_path, CONFIG)


def test_the_rate_rises_then_falls_to_a_twentieth():
    config = LoopConfig(steps=1000, learning_rate=2.0, warmup_steps=100)
    assert config.rate_at(0) == pytest.approx(0.02) and config.rate_at(99) == pytest.approx(2.0)
    assert config.rate_at(100) == pytest.approx(2.0)
    assert config.rate_at(550) == pytest.approx(2.0 * (0.05 + 0.95 / 2))
    assert config.rate_at(1000) == config.rate_at(5000) == pytest.approx(0.1)


def test_steps_are_announced_before_their_losses(tmp_path):
    seen, model = [], made()

    def losses(step):
        seen.append(("loss", step))
        return losses_of(model)(step)

    fit(
        model,
        losses,
        {"fit/square": 1.0},
        tmp_path,
        replace(CONFIG, steps=2),
        before_step=lambda step: seen.append(("before", step)),
    )
    assert seen == [("before", 0), ("loss", 0), ("before", 1), ("loss", 1)]
