"""A visitor's own models, from and to the Hugging Face hub.

A repository is a model of genlab if it holds ``config.json`` and ``model.safetensors`` as
``genlab.checkpoints`` writes them. Nothing else of it is ever read: no pickle, no code.
"""

from genlab.hub.loading import Hub, Loaded
from genlab.hub.saving import Saved

__all__ = ["Hub", "Loaded", "Saved"]
