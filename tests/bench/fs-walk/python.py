"""All that is below DIR, with its sizes, by os.walk: wall time.  It must be COUNT files."""
import os
import sys
import time


def measure():
    start = time.monotonic_ns()
    files = 0
    for folder, _, names in os.walk(sys.argv[1]):
        for name in names:
            files += os.lstat(f"{folder}/{name}").st_size == 0
    assert files == int(sys.argv[2])
    return time.monotonic_ns() - start


measure()
print(f"ns={measure()}")
