"""The outlines of a picture: what a ControlNet for edges is told to follow."""

import numpy as np
from numpy.typing import NDArray

from genlab.config import check_number
from genlab.errors import InvalidInput

LOW, HIGH = 100, 200  # the usual thresholds of ControlNets that follow edges
MAX_THRESHOLD = 255


def canny(picture: NDArray[np.uint8], low: float = LOW, high: float = HIGH) -> NDArray[np.uint8]:
    """Edges uint8 (H, W), 0 or 255, of ``picture`` uint8 (H, W) or (H, W, 3) of any size.

    Canny, "A Computational Approach to Edge Detection" (1986): where the slope of the picture is
    steepest along its own direction, and it is above ``high``, or above ``low`` and linked to such a
    place. The slope is |dx| + |dy| by Sobel's operator, in colour pictures that of the channel in
    which it is greatest, so that two colours of the same lightness have an edge between them.

    Args:
        picture: Grey or RGB.
        low: 0 to 255; a lower one follows edges further.
        high: ``low`` to 255; a lower one finds more edges.
    """
    low, high = (
        check_number(name, value, 0, MAX_THRESHOLD, whole=False)
        for name, value in (("low", low), ("high", high))
    )
    if low > high:
        raise InvalidInput(f"low is {low:g}; it must not be above high, which is {high:g}.")
    if (
        picture.dtype != np.uint8
        or picture.shape[2:] not in ((), (3,))
        or picture.ndim < 2
        or not picture.size
    ):
        raise InvalidInput(
            f"picture is {picture.dtype} of shape {picture.shape}; it must be uint8 (H, W) or (H, W, 3)."
        )
    import cv2

    return cv2.Canny(np.ascontiguousarray(picture), low, high)  # type: ignore[return-value]
