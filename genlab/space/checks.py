"""Whether the files make a Space: the README's front matter, the sizes, the links.

Source: the Spaces configuration reference, https://huggingface.co/docs/hub/spaces-config-reference.
"""

import re
from importlib import metadata
from pathlib import Path
from typing import Any

from huggingface_hub import SpaceCard, SpaceHardware
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from genlab.space.files import README, REQUIREMENTS, Upload, links, pictures

MB = 1e6
FILE_MB, WEIGHTS_MB = 10.0, 60.0  # git takes larger files only through LFS; the weights are to stay small
SHORT = 60  # characters of short_description
OLDEST = Version("3.11")  # Python
COLOURS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
NEEDED = ("title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file")
KNOWN = (
    *NEEDED,
    *("suggested_hardware", "suggested_storage", "app_port", "base_path", "fullWidth", "header", "license"),
    *(
        "short_description",
        "models",
        "datasets",
        "tags",
        "thumbnail",
        "pinned",
        "hf_oauth",
        "hf_oauth_scopes",
    ),
    *("hf_oauth_expiration_minutes", "hf_oauth_authorized_org", "disable_embedding", "app_build_command"),
    *("startup_duration_timeout", "custom_headers", "preload_from_hub", "duplicated_from"),
)


def front_matter(readme: str) -> dict[str, Any]:
    """The README's head; empty where there is none, or it is no YAML."""
    try:
        return SpaceCard(readme, ignore_metadata_errors=True).data.to_dict()
    except Exception:  # of the YAML library, or of what its values are turned into
        return {}


def gradio_version(root: Path) -> str:
    """The version of gradio that the Space will have."""
    return str(front_matter((root / README).read_text()).get("sdk_version", ""))


def problems(root: Path, uploads: list[Upload]) -> list[str]:
    """What would keep the Space from working, a sentence each; empty if nothing does."""
    readme, paths = (root / README).read_text(), {upload.path for upload in uploads}
    head = front_matter(readme)
    if not head:
        return [f"{README} has no front matter that can be read."]
    return [
        *_head(head, paths),
        *_versions(head, (root / REQUIREMENTS).read_text()),
        *_sizes(uploads),
        *(
            f"{README} points at {name}, which is not among the files."
            for name in sorted({*pictures(readme), *links(readme)} - paths)
        ),
    ]


def _head(head: dict[str, Any], paths: set[str]) -> list[str]:
    hardware = [flavour.value for flavour in SpaceHardware]
    wrong = [f"{name} is missing from the front matter." for name in NEEDED if not head.get(name)]
    wrong += [f"{name} in the front matter means nothing to a Space." for name in head if name not in KNOWN]
    for name, allowed in (
        ("sdk", ["gradio"]),
        ("colorFrom", COLOURS),
        ("colorTo", COLOURS),
        ("app_file", sorted(path for path in paths if "/" not in path and path.endswith(".py"))),
        ("suggested_hardware", hardware),
    ):
        if head.get(name) and head[name] not in allowed:
            wrong.append(f"{name} is {head[name]!r}; it must be one of {', '.join(allowed)}.")
    if len(str(head.get("short_description", ""))) > SHORT:
        wrong.append(f"short_description must be at most {SHORT} characters long.")
    if re.search(r"[\w\s]", str(head.get("emoji", ""))):
        wrong.append(f"emoji is {head['emoji']!r}; it must be one emoji.")
    return wrong


def _versions(head: dict[str, Any], requirements: str) -> list[str]:
    wrong = []
    python, gradio = str(head.get("python_version", "")), str(head.get("sdk_version", ""))
    if python and (not re.fullmatch(r"\d+\.\d+(\.\d+)?", python) or Version(python) < OLDEST):
        wrong.append(f"python_version is {python!r}; it must be {OLDEST} or newer.")
    for line in requirements.splitlines():
        if not (text := line.partition("#")[0].strip()):
            continue
        try:
            wanted = Requirement(text)
            if wanted.name == "gradio" and gradio and not wanted.specifier.contains(Version(gradio)):
                wrong.append(f"sdk_version is {gradio}; {REQUIREMENTS} asks for gradio{wanted.specifier}.")
        except InvalidVersion:
            wrong.append(f"sdk_version is {gradio!r}; it must be a version of gradio.")
        except InvalidRequirement:
            wrong.append(f"{REQUIREMENTS} has a line that pip cannot read: {text}.")
    return wrong


def _sizes(uploads: list[Upload]) -> list[str]:
    large = [f"{u.path} has {u.size / MB:.1f} MB" for u in uploads if u.size > FILE_MB * MB]
    wrong = [f"{told}; it must be at most {FILE_MB:g} MB." for told in large]
    total = sum(u.size for u in uploads if u.path.startswith("weights/"))
    if total > WEIGHTS_MB * MB:
        wrong.append(f"The weights have {total / MB:.1f} MB together; at most {WEIGHTS_MB:g} MB are allowed.")
    return wrong


def remarks(root: Path, untracked: list[str]) -> list[str]:
    """What is worth knowing before publishing, a sentence each."""
    told = [f"{path} is not tracked by git, so it is not published." for path in untracked]
    here, there = metadata.version("gradio"), gradio_version(root)
    if here != there:
        told.append(f"The Space will have gradio {there}, here is {here}; --fresh tries it with {there}.")
    return told
