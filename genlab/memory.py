"""How much memory a training takes, found out on a batch of a few pictures before it begins."""

import copy

import torch
from torch import Tensor

from genlab.models import Trainable

PROBE = 10  # pictures: enough for every update of a WGAN-GP's critic to get some
COPIES = 5  # of the weights: themselves, gradients, Adam's two moments, the copy to fall back to


def _bytes(tensors: list[Tensor]) -> int:
    return sum(t.numel() * t.element_size() for t in tensors)


def training_bytes(model: Trainable, batch_size: int) -> int:
    """About how many bytes it takes to train ``model`` on batches of ``batch_size`` pictures.

    One update of a copy on ``PROBE`` pictures tells what each of them leaves behind for the backward
    pass; storages that several operations keep are counted once.
    """
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no address is given out twice

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    probe = copy.deepcopy(model).train()
    weights = _bytes(list(probe.state_dict().values()))
    x = torch.zeros(PROBE, *model.canvas.shape, device=model.device)
    y = torch.zeros(PROBE, dtype=torch.int64, device=model.device)
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        probe.update(x, y, probe.optimizers())
    own = {p.untyped_storage().data_ptr() for p in probe.parameters()}
    left = sum(storage.nbytes() for address, storage in kept.items() if address not in own)
    return COPIES * weights + left * batch_size // PROBE
