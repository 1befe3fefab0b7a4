"""A CLIP tokenizer that knows the words of the captions, and every other text byte by byte.

Byte-pair encoding (Sennrich et al., 2016) over bytes: a word of the captions is one token; any
other is spelled in bytes, so no text is refused.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

LENGTH = 32  # tokens of a prompt, the start and the end included
START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


def byte_characters() -> list[str]:
    """A printable character for each of the 256 bytes, as GPT-2 and CLIP write them.

    Printable Latin-1 stands for itself; the other bytes take the characters from U+0100 on.
    """
    printable = {
        *range(ord("!"), ord("~") + 1),
        *range(ord("¡"), ord("¬") + 1),
        *range(ord("®"), ord("ÿ") + 1),
    }
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def segment(word: str, merges: dict[tuple[str, str], int]) -> list[str]:
    """The pieces of ``word`` under ``merges`` (pair -> rank, the lowest first)."""
    pieces = [*word[:-1], word[-1] + WORD_END]
    while pairs := [pair for pair in pairwise(pieces) if pair in merges]:
        best = min(pairs, key=merges.__getitem__)
        i = list(pairwise(pieces)).index(best)
        pieces[i : i + 2] = ["".join(best)]
    return pieces


def merges_for(words: list[str]) -> list[tuple[str, str]]:
    """Merges that make each of ``words`` one token.

    A merge added for a later word has a higher rank, so it never breaks an earlier word.
    """
    merges: dict[tuple[str, str], int] = {}
    for word in words:
        while len(pieces := segment(word, merges)) > 1:
            merges[pieces[0], pieces[1]] = len(merges)
    return list(merges)


def build(words: list[str], folder: Path) -> Any:
    """Write the tokenizer of ``words`` into ``folder``; returns the CLIPTokenizer."""
    from transformers import CLIPTokenizer

    characters, merges = byte_characters(), merges_for(words)
    # CLIP's order: the end of text has the highest id, where CLIPTextModel looks for it.
    tokens = [*characters, *(c + WORD_END for c in characters), *map("".join, merges), START, END]
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys(tokens))}
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": LENGTH,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2))
    return CLIPTokenizer.from_pretrained(folder)
