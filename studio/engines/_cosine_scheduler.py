"""The sampler Stable Audio Open is published with, without the library for Brownian motion that diffusers' own wants for it.

Steps that follow one another need no Brownian tree: their noise is independent, and comes from the run's generator.
"""

import math
from typing import Any

import torch
from diffusers import EDMDPMSolverMultistepScheduler


class CosineScheduler(EDMDPMSolverMultistepScheduler):
    """DPM-Solver++ of an SDE over sigmas, told to the network as the angle (2 / pi) atan(sigma), 0 to 1."""

    @classmethod
    def like(cls, config: dict[str, Any], **changed: Any) -> "CosineScheduler":
        """Return one with the values of a published CosineDPMSolverMultistepScheduler."""
        values = {name: value for name, value in config.items() if not name.startswith("_") and name != "algorithm_type"}
        return cls(**{**values, **changed}, algorithm_type="sde-dpmsolver++")

    def precondition_noise(self, sigma: Any) -> Any:
        return torch.atan(torch.as_tensor(sigma)) * (2 / math.pi)

    def varying(self, strength: float) -> "CosineScheduler":
        """Return one that begins with less noise: what is mixed in at `strength` 1 is all, at 0 the least it knows."""
        low, high = self.config.sigma_min, self.config.sigma_max
        return type(self).like(dict(self.config), sigma_max=low * (high / low) ** strength)
