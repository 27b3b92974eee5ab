"""Live Keras models through the service: saved, sent, waited for, loaded again."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .client import Client, Progress

#: Held out where no samples are given for it: a tenth for choices, a tenth for the receipt.
_SPLIT = {"selection": 0.1, "test": 0.1}

Method = str | Mapping[str, Any]
Pair = Sequence[ArrayLike]


def prune(
    model: Any,
    x: ArrayLike | str,
    y: ArrayLike | None = None,
    *,
    target: Mapping[str, Any],
    criterion: Method | None = None,
    structure: Method | None = None,
    schedule: Method | None = None,
    pruning: Mapping[str, Any] | None = None,
    fine_tuning: Mapping[str, Any] | None = None,
    validation_data: Pair | None = None,
    test_data: Pair | None = None,
    sample_weight: ArrayLike | None = None,
    split: Mapping[str, Any] | None = None,
    client: Client | None = None,
    progress: Progress = True,
    return_job: bool = False,
    **spec: Any,
) -> Any:
    """Prunes a Keras model and returns a new one; the one given is not touched.

    model: a Keras model of one input and output, a file, or the id of a model that the service has.
    x, y: samples [n, ...] as the model takes them and labels or numbers [n, ...]; or the id of a data set.
    target: what is kept or made zero: {"macs": 0.5}, {"parameters": 0.3}, {"sparsity": 0.8}, {"max_accuracy_drop": 0.01}; the budget of a `recipe`.
    criterion, structure, schedule: by name ("taylor", "channels", "one_shot") or with options ({"type": "channels", "round_to": 8}). Taylor's criterion and
        channels where nothing is said.
    pruning: further fields of the job's `pruning`, {"layers": {"exclude": ["head"]}}.
    fine_tuning: training after the cut, {"epochs": 5, "optimizer": {"type": "adam"}}; None is none.
    validation_data, test_data: (x, y) for choices, and for the receipt. What is not given is drawn from x as `split` says, a tenth each.
    spec: further fields of the job: seed, evaluation, packing, recipe, max_runtime_s, ...
    return_job: whether (model, job) is returned, with the receipt in job["result"]["receipt"].

    Raises ProblemError, also where the target cannot be reached, and JobFailedError.
    """
    if "recipe" in spec:
        wanted: dict[str, Any] = {"target": dict(target)}
        what = {"criterion": criterion, "structure": structure, "schedule": schedule}
    else:
        wanted = {}
        what = {"criterion": criterion or "taylor", "structure": structure or "channels", "schedule": schedule, "target": dict(target)}
    chosen = {**{name: _tagged(value) for name, value in what.items() if value is not None}, **(pruning or {})}
    job_spec = {
        "type": "prune",
        **({"pruning": chosen} if chosen else {}),
        **wanted,
        **({} if fine_tuning is None else {"fine_tuning": dict(fine_tuning)}),
        **spec,
    }
    data = _Data(x, y, validation_data, test_data, sample_weight, split)
    return _run(model, data, job_spec, client, progress, return_job)


def train(
    model: Any,
    x: ArrayLike | str,
    y: ArrayLike | None = None,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    loss: str | None = None,
    optimizer: Method | None = None,
    clipping: Method | None = None,
    training: Mapping[str, Any] | None = None,
    validation_data: Pair | None = None,
    test_data: Pair | None = None,
    sample_weight: ArrayLike | None = None,
    split: Mapping[str, Any] | None = None,
    client: Client | None = None,
    progress: Progress = True,
    return_job: bool = False,
    **spec: Any,
) -> Any:
    """Trains a Keras model and returns a new one; the one given is not touched. Arguments that are not here are as in `prune`.

    loss, optimizer: the model's own, as it was compiled, where nothing is said; an optimizer by name ("adam") or with options.
    clipping: how gradients are clipped: {"type": "global_norm", "max_norm": 1.0}, {"type": "agc"}, "autoclip".
    training: further fields of the job's `training`, {"early_stopping": {"patience": 3}}.
    """
    given = {"epochs": epochs, "batch_size": batch_size, "loss": loss}
    methods = {"optimizer": "auto" if optimizer is None else optimizer, "clipping": "auto" if clipping is None else clipping}
    job_spec = {
        "type": "train",
        "training": {
            **{name: value for name, value in given.items() if value is not None},
            **{name: _tagged(value) for name, value in methods.items()},
            **(training or {}),
        },
        **spec,
    }
    data = _Data(x, y, validation_data, test_data, sample_weight, split)
    return _run(model, data, job_spec, client, progress, return_job)


class _Data:
    """Samples in memory on their way to the service, or the id of those that are there."""

    def __init__(
        self,
        x: ArrayLike | str,
        y: ArrayLike | None,
        validation: Pair | None,
        test: Pair | None,
        weights: ArrayLike | None,
        split: Mapping[str, Any] | None,
    ):
        self.id: str | None = None
        if isinstance(x, str):
            further = {"y": y, "validation_data": validation, "test_data": test, "sample_weight": weights, "split": split}
            odd = [name for name, value in further.items() if value is not None]
            if odd:
                raise ValueError(f"A data set that the service has comes alone. Received beside {x}: {', '.join(odd)}")
            self.id = x
            return
        self.arrays = {"x": np.asarray(x)}
        if y is not None:
            self.arrays["y"] = np.asarray(y)
        if weights is not None:
            self.arrays["w"] = np.asarray(weights)
        for suffix, pair in (("val", validation), ("test", test)):
            for name, values in zip("xyw", pair or (), strict=False):
                self.arrays[f"{name}_{suffix}"] = np.asarray(values)
        drawn = _SPLIT if split is None else split
        given = {"selection": validation, "test": test}
        self.split = {name: value for name, value in drawn.items() if given.get(name) is None}

    def upload(self, client: Client, folder: Path) -> str:
        if self.id is not None:
            return self.id
        file = folder / "data.npz"
        np.savez(file, allow_pickle=False, **self.arrays)
        # A live model takes samples as they are.
        dataset = client.upload_dataset(file, split=self.split, scale="none")
        return str(dataset["id"])


def _run(model: Any, data: _Data, spec: dict[str, Any], client: Client | None, progress: Progress, return_job: bool) -> Any:
    import keras

    own = Client() if client is None else client
    try:
        with tempfile.TemporaryDirectory(prefix="espalier-") as name:
            folder = Path(name)
            title = "Pruning" if spec["type"] == "prune" else "Training"
            ids = {"model_id": _model_id(model, own, folder), "dataset_id": data.upload(own, folder)}
            job = own.run({**spec, **ids}, progress=progress, title=title)
            made = own.download(f"/v1/models/{job['result']['model_id']}/content", folder / "made.keras", format="keras")
            loaded = keras.saving.load_model(made)
    finally:
        if client is None:
            own.close()
    return (loaded, job) if return_job else loaded


def _model_id(model: Any, client: Client, folder: Path) -> str:
    if isinstance(model, str) and model.startswith("mdl_"):
        return model
    if isinstance(model, (str, Path)):
        return str(client.upload_model(model)["id"])
    file = folder / "model.keras"
    model.save(file)
    return str(client.upload_model(file, name=model.name)["id"])


def _tagged(method: Method) -> dict[str, Any]:
    return {"type": method} if isinstance(method, str) else dict(method)
