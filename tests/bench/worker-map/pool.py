"""Sums of squares, OPS in all, wall time per sum.

FORM is "plain" (one after the other) or "map" (multiprocessing.Pool.map).
"""
import multiprocessing
import sys
import time

BELOW = 20000


def sum_of_squares(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def measure(run, total):
    numbers = [BELOW + i % 100 for i in range(1, total + 1)]
    start = time.monotonic_ns()
    assert len(list(run(sum_of_squares, numbers))) == total
    return (time.monotonic_ns() - start) / total


if __name__ == "__main__":
    ops = int(sys.argv[2])
    with multiprocessing.Pool() as workers:
        run = map if sys.argv[1] == "plain" else workers.map
        measure(run, ops // 10 + 1)
        print(f"ns={measure(run, ops):.2f}")
