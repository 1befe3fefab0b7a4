"""The model in memory: one set of weights, from which the pipeline of every task is put together."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

from genlab.errors import ModelUnavailable
from genlab.studio import loading, memory, speed
from genlab.studio.card import ModelCard
from genlab.studio.previews import Previewer
from genlab.studio.request import Request
from genlab.studio.schedulers import make as make_scheduler
from genlab.studio.tasks import Stage
from genlab.studio.worker import Progress, Report


class Resident:
    """A loaded model.

    Args:
        card: Which.
        device: Where it computes.
        checked: Keep the safety checker, where the model has one.

    Raises:
        ModelUnavailable: The files cannot be had or read.
    """

    def __init__(self, card: ModelCard, device: torch.device, checked: bool) -> None:
        self.card, self.device = card, device
        self.dtype = loading.precision(device)
        self.loaded = {"base": loading.load_base(card, self.dtype, checked)}
        self.previewer = Previewer(self.parts["vae"].to(device), self._tiny())
        self.placement = ""
        self.prompts = speed.PromptCache()

    @property
    def parts(self) -> dict[str, Any]:
        """Those of text to image."""
        return self.loaded["base"].parts

    def _tiny(self) -> Any:
        """The quick decoder for previews, or None: latents are shown in their linear colours then."""
        if self.card.repositories("preview"):
            with contextlib.suppress(ModelUnavailable):
                tiny = loading.load_part(self.card, "preview", self.dtype).parts["preview"]
                return tiny.to(self.device)
        return None

    def require(self, roles: list[str], report: Report) -> None:
        """Load what of ``roles`` is not here yet."""
        for role in roles:
            if role in self.loaded:
                continue
            report(Progress(None, f"Loading the {role.replace('_', ' ')} weights of {self.card.title}."))
            if role == "refiner":
                self.loaded[role] = loading.load_refiner(self.card, self.dtype, self.parts)
            elif role == "few_steps":
                self.loaded[role] = loading.Loaded({}, loading.few_steps_files(self.card))
            else:
                self.loaded[role] = loading.load_part(self.card, role, self.dtype)

    def sources(self, roles: list[str]) -> dict[str, Any]:
        """Repository and revision of the model, and of each of ``roles``."""
        return self.loaded["base"].files.source() | {
            f"{role}_source": self.loaded[role].files.source() for role in roles
        }

    @contextlib.contextmanager
    def pipeline(self, request: Request, stage: Stage, frugal: bool) -> Iterator[Any]:
        """The pipeline for ``stage`` of ``request``, on the device, with a scheduler of its own.

        ``frugal``: in tiles, and placed one step more sparingly than should be needed.
        """
        if stage.refines:
            pipe = loading.assemble(self.card, "image_to_image", self.loaded["refiner"].parts)
        else:
            parts = self.parts | self.loaded["control"].parts if request.task == "control" else self.parts
            pipe = loading.assemble(self.card, request.task, parts)
        pipe.scheduler = make_scheduler(request.knobs.scheduler, self.parts["scheduler"].config)
        with contextlib.ExitStack() as stack:
            if "few_steps" in request.roles() and not stage.refines:
                stack.enter_context(loading.few_steps(pipe, self.loaded["few_steps"].files))
            speed.prepare(pipe.components, self.device)  # after the LoRA, which forbids some of it
            self.prompts.attach(pipe)
            stack.callback(pipe.remove_all_hooks)
            self._place(pipe, request, frugal)
            yield pipe

    def _place(self, pipe: Any, request: Request, frugal: bool) -> None:
        """Bring the networks of ``pipe`` where they fit."""
        (pipe.vae.enable_tiling if frugal else pipe.vae.disable_tiling)()
        if self.device.type != "cuda":
            return
        networks = self.networks()
        held = sum(memory.network_bytes(net, "cuda") for net in networks.values()) / memory.GIGABYTE
        sizes = {name: memory.network_bytes(net) / memory.GIGABYTE for name, net in networks.items()}
        sizes["unet"] += sizes.pop("controlnet", 0.0)  # which compute together
        free = memory.free_gigabytes(self.device) + held
        self.placement = memory.choose(free, sizes, self.card.work(request), frugal)
        if self.placement != "full":
            for net in networks.values():  # this pipeline's and others
                net.to("cpu")
        memory.place(pipe, self.device, self.placement)

    def networks(self) -> dict[str, torch.nn.Module]:
        """Every network once; the refiner's U-Net is "refiner"."""
        found = memory.networks(self.parts)
        if "control" in self.loaded:
            found |= memory.networks(self.loaded["control"].parts)
        if "refiner" in self.loaded:
            found["refiner"] = self.loaded["refiner"].parts["unet"]
        return found
