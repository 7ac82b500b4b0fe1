"""Samplers by the names people know them by, as diffusers' schedulers made from the configuration of a pipeline's own.

Knows names and classes. Does not know options or requests.
"""

import inspect
from typing import Any

from studio.errors import BadRequest

KARRAS = {"use_karras_sigmas": True}
PLAIN = {"use_karras_sigmas": False, "use_exponential_sigmas": False, "use_beta_sigmas": False}
TWO_M = {"algorithm_type": "dpmsolver++", "solver_order": 2}
SDE = {"algorithm_type": "sde-dpmsolver++", "solver_order": 2}
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}

# For models that predict noise (epsilon, v or the sample): a scheduler class and what it differs in from the pipeline's own.
NOISE_SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "DPM++ 2M": ("DPMSolverMultistepScheduler", TWO_M),
    "DPM++ 2M Karras": ("DPMSolverMultistepScheduler", {**TWO_M, **KARRAS}),
    "DPM++ 2M SDE": ("DPMSolverMultistepScheduler", SDE),
    "DPM++ 2M SDE Karras": ("DPMSolverMultistepScheduler", {**SDE, **KARRAS}),
    "DPM++ SDE": ("DPMSolverSinglestepScheduler", {**SDE, "lower_order_final": True}),
    "DPM++ SDE Karras": ("DPMSolverSinglestepScheduler", {**SDE, **KARRAS, "lower_order_final": True}),
    "Euler": ("EulerDiscreteScheduler", {}),
    "Euler Karras": ("EulerDiscreteScheduler", KARRAS),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "Heun": ("HeunDiscreteScheduler", {}),
    "DPM2": ("KDPM2DiscreteScheduler", {}),
    "DPM2 a": ("KDPM2AncestralDiscreteScheduler", {}),
    "DDIM": ("DDIMScheduler", {}),
    "DDPM": ("DDPMScheduler", {}),
    "PNDM": ("PNDMScheduler", {"skip_prk_steps": True}),
    "UniPC": ("UniPCMultistepScheduler", {}),
    "DEIS": ("DEISMultistepScheduler", {"algorithm_type": "deis", "solver_type": "logrho"}),
    "LCM": ("LCMScheduler", {}),
    "TCD": ("TCDScheduler", {}),
}
# For models that predict the flow from noise to picture.
FLOW_SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Euler": ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": False}),
    "Euler Karras": ("FlowMatchEulerDiscreteScheduler", {**KARRAS, "stochastic_sampling": False}),
    "Euler a": ("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": True}),
    "LCM": ("FlowMatchLCMScheduler", {}),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {**TWO_M, **FLOW}),
    "UniPC": ("UniPCMultistepScheduler", FLOW),
}
NAMES = tuple(dict.fromkeys((*NOISE_SAMPLERS, *FLOW_SAMPLERS)))


def canonical(name: Any) -> Any:
    """Return the name as it stands in NAMES: `dpmpp_2m_karras`, `euler a` and `DPM++ 2M Karras` are understood. Else `name` itself."""
    return _ALIASES.get(_bare(name), name) if isinstance(name, str) else name


def _bare(name: str) -> str:
    return name.lower().replace("++", "pp").replace("ancestral", "a").translate(str.maketrans("", "", " _-"))


_ALIASES = {_bare(name): name for name in NAMES}


def names_for(pipeline: Any) -> list[str]:
    """Return the samplers a pipeline can be run with besides its own; empty where it depends on its own."""
    own = getattr(pipeline, "scheduler", None)
    if own is None or _takes(pipeline.__call__) & {"original_inference_steps", "prior_num_inference_steps"}:
        return []
    if is_flow(own):
        # Pipelines of a flow-matching scheduler hand it noise levels that the others do not take.
        others = not _matches_flow(type(own).__name__)
        return [name for name, (kind, _) in FLOW_SAMPLERS.items() if others or _matches_flow(kind)]
    return list(NOISE_SAMPLERS) if own.compatibles or type(own).__name__ in ("LCMScheduler", "TCDScheduler") else []


def is_flow(scheduler: Any) -> bool:
    """Tell whether a scheduler is for a model that predicts the flow."""
    return _matches_flow(type(scheduler).__name__) or scheduler.config.get("prediction_type") == "flow_prediction"


def _matches_flow(kind: str) -> bool:
    return kind.startswith("FlowMatch")


def sampler(name: str, pipeline: Any, model: str) -> Any:
    """Return a new scheduler of that name with the noise schedule of the pipeline's own. Raises BadRequest naming those that fit."""
    import diffusers

    fitting = names_for(pipeline)
    if name not in fitting:
        own = type(pipeline.scheduler).__name__.removesuffix("Scheduler") if getattr(pipeline, "scheduler", None) else "its own"
        choice = f"Leave it to the model ({own})" + (f", or choose one of: {', '.join(fitting)}." if fitting else ".")
        raise BadRequest(f"{model} cannot be sampled by {name!r}. {choice}", param="scheduler")
    settings = pipeline.scheduler.config
    kind, own = (FLOW_SAMPLERS if is_flow(pipeline.scheduler) else NOISE_SAMPLERS)[name]
    cls = getattr(diffusers, kind)
    changes = {**PLAIN, **({"flow_shift": settings["shift"]} if "shift" in settings else {}), **own}
    known = _takes(cls.__init__)
    return cls.from_config({key: value for key, value in {**settings, **changes}.items() if key in known or key.startswith("_")})


def _takes(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)
