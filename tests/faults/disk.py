"""A small disk of its own, that can be full, read-only, and well again.

A tmpfs in a mount namespace that one sleeping process holds open: as a user, inside a user namespace;
as root where these are forbidden, without one. Nothing of it is seen outside, nothing is left behind.
"""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.server import ROOT

MOUNT = "/mnt"
WAYS = (
    ["unshare", "--user", "--map-root-user", "--mount"],
    ["unshare", "--mount"],
    ["sudo", "-n", "unshare", "--mount"],
)


class Disk:
    """Args:
    way: How the namespace is made.
    megabytes: Its size.
    """

    def __init__(self, way: list[str], megabytes: int) -> None:
        self.sudo = way[:2] if way[0] == "sudo" else []
        script = f"mount -t tmpfs -o size={megabytes}m,mode=777 genlab {MOUNT} && echo ready && exec cat"
        self.holder = subprocess.Popen(
            [*way, "sh", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.holder.stdout and self.holder.stderr
        if self.holder.stdout.readline() != b"ready\n":
            said = self.holder.stderr.read().decode().strip()
            self.close()
            raise OSError(f"{' '.join(way)}: {said}")
        names = ["--user", "--preserve-credentials"] if "--user" in way else []
        where = ["--mount", "--target", str(self._pid()), f"--wd={ROOT}"]
        self.inside = (*self.sudo, "nsenter", *names, *where)
        self.path = Path(MOUNT)  # as a process inside sees it

    def _pid(self) -> int:
        """Of the process in the namespace: sudo's is another."""
        if not self.sudo:
            return self.holder.pid
        found = subprocess.run(
            ["pgrep", "-P", str(self.holder.pid)], check=True, capture_output=True, text=True
        )
        return int(found.stdout.split()[0])

    def run(self, *command: str) -> str:
        """The output of a command inside."""
        return subprocess.run([*self.inside, *command], check=True, capture_output=True, text=True).stdout

    def fill(self) -> None:
        """Not a byte is free any more."""
        subprocess.run([*self.inside, "sh", "-c", f"cat /dev/zero > {MOUNT}/ballast"], capture_output=True)

    def empty(self) -> None:
        self.run("rm", f"{MOUNT}/ballast")

    def read_only(self, on: bool) -> bool:
        """Make it so; False, at a moment at which a file on it is being written."""
        how = f"remount,{'ro' if on else 'rw'}"
        return not subprocess.run([*self.inside, "mount", "-o", how, MOUNT], capture_output=True).returncode

    def files(self) -> list[str]:
        """The names of all files on it."""
        return [Path(line).name for line in self.run("find", MOUNT, "-type", "f").splitlines()]

    def close(self) -> None:
        assert self.holder.stdin
        self.holder.stdin.close()  # cat ends, and with it the namespace
        self.holder.wait(20)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """A disk of that size, whichever way this machine allows; an error names them all."""
    refused = []
    for way in WAYS:
        if not shutil.which(way[0]):
            continue
        try:
            disk = Disk(way, megabytes)
        except OSError as error:
            refused.append(str(error))
            continue
        try:
            yield disk
        finally:
            disk.close()
        return
    raise OSError(f"this machine lets nobody mount a disk: {'; '.join(refused)}")
