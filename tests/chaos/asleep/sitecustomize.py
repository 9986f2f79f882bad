"""Python reads this when it starts, in processes whose clock can be set (`clock.py`).

Where libfaketime 0.9.10 leaves the monotonic clock alone, it answers each sleep to a moment of that clock with "Invalid
argument". So does Python 3.11 sleep: whoever waited for a child a little longer failed its project.
"""

import select
import time
from typing import SupportsIndex


def _sleep(seconds: float | SupportsIndex, /) -> None:
    select.select((), (), (), float(seconds))


time.sleep = _sleep
