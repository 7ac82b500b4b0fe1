"""Muon: gradient descent with an orthogonal step for every matrix. It needs half the steps of Adam on these small networks.

Knows one update rule (Jordan and others, 2024; the step's size as in Liu and others, 2025, so that Adam's learning rates fit).
"""

from collections.abc import Iterable

import torch
from torch import Tensor

QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """Return about the nearest matrix with singular values of 1, by the quintic Newton-Schulz iteration in bfloat16."""
    a, b, c = QUINTIC
    wide = matrix.bfloat16() if matrix.shape[0] <= matrix.shape[1] else matrix.bfloat16().T
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(rounds):
        square = wide @ wide.T
        wide = a * wide + (b * square + c * square @ square) @ wide
    return (wide if matrix.shape[0] <= matrix.shape[1] else wide.T).float()


class Muon(torch.optim.Optimizer):
    """For matrices and kernels: (outputs, inputs, ...), or (1, outputs, inputs, ...) as StyleGAN2 has them."""

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95, weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step_one(parameter, group)

    def _step_one(self, parameter: Tensor, group: dict) -> None:
        state = self.state[parameter]
        average = state.setdefault("average", torch.zeros_like(parameter))
        average.lerp_(parameter.grad, 1 - group["momentum"])
        ahead = parameter.grad.lerp(average, group["momentum"])
        matrix = ahead.reshape(ahead.shape[0], -1) if ahead.shape[0] > 1 else ahead.flatten(0, 1).flatten(1)
        size = 0.2 * max(matrix.shape) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(orthogonal(matrix).view_as(parameter), alpha=-group["lr"] * size)
