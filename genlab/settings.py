"""What a server allows, in one object read from the environment: GENLAB_SLOTS, GENLAB_STEPS, ...

On a Hugging Face Space, which strangers share, the defaults are tighter. GENLAB_JOBS says where jobs are
kept; else they are on persistent storage where there is any, or in the cache.
"""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from genlab.config import Config, knob, make
from genlab.data import cache_folder
from genlab.flags import number
from genlab.host import is_space

PREFIX = "GENLAB_"
FOLDER = "GENLAB_JOBS"
ACCOUNT = "GENLAB_ACCOUNT"
DAY = 86_400.0
MANY = 1_000_000


@dataclasses.dataclass(frozen=True)
class Limits(Config):
    """Each field is read from the variable of its name in capitals, after ``GENLAB_``."""

    slots: int = knob(1, 1, 64, "Jobs at once; with more than one, the same seed may train another model")
    line: int = knob(16, 0, 1000, "Jobs that may wait for a slot, over all visitors")
    steps: int = knob(1_000_000, 1, 1_000_000, "Optimisation steps of one training")
    seconds: float = knob(DAY, 1.0, 30 * DAY, "Seconds that one job may run")
    megabytes: int = knob(8192, 16, 1_000_000, "Memory that one training may need")
    unwatched_seconds: float = knob(600.0, 0.1, DAY, "Seconds without a viewer after which a job stops")
    save_seconds: float = knob(30.0, 0.0, DAY, "Seconds between two saves to go on from")
    keep_seconds: float = knob(DAY, 1.0, 365 * DAY, "Seconds for which an ended job can be opened")
    keep_jobs: int = knob(100, 1, 100_000, "Ended jobs that are kept")
    keep_megabytes: int = knob(2048, 1, 1_000_000, "Room on the disk for ended jobs")
    model_megabytes: int = knob(128, 1, 10_000, "Weights of one model from the Hugging Face hub")
    hub_megabytes: int = knob(2048, 1, 1_000_000, "Memory for all models from the hub, over all visitors")
    sessions: int = knob(300, 1, 100_000, "Visitors at once, of some 3 MB each")
    visits: int = knob(0, 0, MANY, "New visitors in a minute from one address; 0 for any number")
    calls: int = knob(0, 0, MANY, "Calls and events of one visitor's page in a minute; 0 for any number")
    calls_address: int = knob(0, 0, MANY, "The same from one address; 0 for any number")
    calls_all: int = knob(0, 0, MANY, "The same of all together; 0 for any number")
    calls_at_once: int = knob(48, 1, 1000, "Calls of one visitor that may wait or be at work")
    uploads: int = knob(0, 0, MANY, "Files in a minute from one address; 0 for any number")
    proxies: int = knob(0, 0, 10, "Proxies of ours whose X-Forwarded-For tells the address")
    file_seconds: float = knob(DAY, 1.0, 365 * DAY, "Seconds for which uploads and pictures can be fetched")
    file_megabytes: int = knob(4096, 1, 1_000_000, "Room on the disk for uploads and pictures")


PUBLIC = Limits(
    steps=20_000,
    seconds=900.0,
    megabytes=3072,
    keep_seconds=6 * 3600.0,
    keep_jobs=50,
    keep_megabytes=512,
    model_megabytes=64,
    hub_megabytes=1024,
    sessions=150,
    visits=200,
    calls=600,
    calls_address=3000,
    calls_all=6000,
    calls_at_once=32,
    uploads=600,
    file_seconds=6 * 3600.0,
    file_megabytes=1024,
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """The limits, where jobs are kept, and whether whoever opens the page may save models to the hub
    under this machine's account (``hf auth login``): fit for a machine of one's own alone.
    """

    limits: Limits
    folder: Path
    account: bool = False


def read(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process; InvalidInput names a variable that is out of range."""
    given = {
        field.name: number(environ[name])
        for field in dataclasses.fields(Limits)
        if (name := PREFIX + field.name.upper()) in environ
    }
    space = is_space(environ)
    limits = make(Limits, given, PUBLIC if space else Limits())
    folder = Path(environ.get(FOLDER) or cache_folder(environ) / "jobs")
    return Settings(limits, folder, environ.get(ACCOUNT) == "1" and not space)
