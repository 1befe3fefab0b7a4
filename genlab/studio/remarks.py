"""What is said of a request that is drawn, but not quite as it was asked for."""

import re
from typing import Any

from genlab.studio.card import ModelCard
from genlab.studio.request import Request

PROMPTS = ("prompt", "negative_prompt")


def remarks(card: ModelCard, tokenizer: Any, request: Request) -> tuple[str, ...]:
    """In words: what the text encoder does not get to see, does not know, or is not asked."""
    said = [
        f"{name.replace('_', ' ')}: {remark}"
        for name in PROMPTS
        for remark in (*truncation(tokenizer, getattr(request, name)), *unknown(card, getattr(request, name)))
    ]
    if request.negative_prompt and request.knobs.guidance == 1:
        said.append("negative prompt: not used, as guidance is 1")
    return tuple(said)


def truncation(tokenizer: Any, text: str) -> list[str]:
    """What is beyond the tokens that are read."""
    ids, limit = tokenizer(text).input_ids, tokenizer.model_max_length
    if len(ids) <= limit:
        return []
    lost = tokenizer.decode(ids[limit - 1 : -1], skip_special_tokens=True).strip()
    return [
        f'{limit} of {len(ids)} tokens are read; not "{lost[:40]}{"..." if len(lost) > 40 else ""}"',
    ]


def unknown(card: ModelCard, text: str) -> list[str]:
    """The words that mean nothing to a model that knows few."""
    words = dict.fromkeys(re.findall(r"\w+", text.lower()))
    strange = [word for word in words if word not in card.words] if card.words else []
    if not strange:
        return []
    more = ", ..." if len(strange) > 5 else ""
    return [f"{card.title} does not know {', '.join(word[:20] for word in strange[:5])}{more}"]
