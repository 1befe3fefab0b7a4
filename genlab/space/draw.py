"""A visitor of the trial, run as a script: python draw.py URL FOLDER FAMILY N.

In a process of its own, for gradio's client speaks to the hub, and takes this user's token along.
"""

import sys

from gradio_client import Client
from PIL import Image

PATIENCE = 300.0  # seconds for an answer


def draw(url: str, folder: str, family: str, n: int) -> None:
    """Have ``n`` pictures drawn into ``folder``; exits with what is wrong if they are missing or empty."""
    client = Client(
        url,
        verbose=False,
        analytics_enabled=False,
        download_files=folder,
        httpx_kwargs={"timeout": PATIENCE},
    )
    found, _ = client.predict(model=family, n=n, seed=0, api_name="/sample")
    client.close()
    pictures = [Image.open(item["image"]).convert("L") for item in found]
    empty = [picture for picture in pictures if picture.getextrema()[0] == picture.getextrema()[1]]
    if len(pictures) != n or empty:
        sys.exit(f"{len(pictures)} pictures, {len(empty)} of them empty, not {n}")


if __name__ == "__main__":
    _, url, folder, family, n = sys.argv
    draw(url, folder, family, int(n))
