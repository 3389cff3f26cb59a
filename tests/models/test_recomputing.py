"""What is made again is what was there, and torch's compiler is not loaded for it."""

from __future__ import annotations

import subprocess
import sys

import torch

from tuneloop.models.recomputing import recomputed


def test_gradients_are_those_of_the_plain_run() -> None:
    torch.manual_seed(0)
    weight, still = torch.randn(6, 6, requires_grad=True), torch.randn(6, 6)

    def function(x: torch.Tensor, other: torch.Tensor | None, by: int) -> tuple[torch.Tensor, torch.Tensor]:
        y = (x @ weight).tanh() * by
        y = y if other is None else y + other.exp() @ still
        return y.sin() @ weight, y

    def gradients(run: bool) -> list[torch.Tensor]:
        x, other = torch.ones(4, 6, requires_grad=True), torch.full((4, 6), 0.5, requires_grad=True)
        weight.grad = None
        first, second = recomputed(function, x, None, 2) if run else function(x, None, 2)
        first, second = recomputed(function, first, other, 3) if run else function(first, other, 3)
        (first.sum() + second.square().sum()).backward()
        found = [weight.grad, x.grad, other.grad]
        return [one.clone() for one in found if one is not None]

    plain, again = gradients(False), gradients(True)
    assert len(plain) == 3
    for one, other in zip(plain, again, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_the_function_runs_twice_and_stops_where_nothing_more_is_needed() -> None:
    runs: list[str] = []

    def function(x: torch.Tensor) -> torch.Tensor:
        runs.append("begun")
        y = x.exp()
        z = y.sin()
        runs.append("ended")
        return z

    x = torch.ones(3, requires_grad=True)
    out = recomputed(function, x)
    assert runs == ["begun", "ended"]
    out.sum().backward()
    assert runs == ["begun", "ended", "begun"]


def test_the_compiler_is_not_loaded() -> None:
    code = (
        "import sys, torch; from tuneloop.models.recomputing import recomputed;"
        "x = torch.ones(2, requires_grad=True); recomputed(torch.exp, x).sum().backward();"
        "sys.exit('torch._dynamo' in sys.modules or 'sympy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
