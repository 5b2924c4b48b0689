"""A neighbour that keeps a core busy for a share of the time, as another program would."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PERIOD_SECONDS = 0.1
_CODE = """
import os, sys, time
share, period, parent = float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
while os.getppid() == parent:
    until = time.monotonic() + share * period
    while time.monotonic() < until:
        pass
    time.sleep((1 - share) * period)
"""


@contextmanager
def neighbour(share: float) -> Iterator[None]:
    """Runs meanwhile, and ends with its parent whatever happens; none with a share of 0."""
    if not share:
        yield
        return
    command = [sys.executable, "-c", _CODE, str(share), str(_PERIOD_SECONDS), str(os.getpid())]
    child = subprocess.Popen(command)
    try:
        yield
    finally:
        child.kill()
        child.wait()
