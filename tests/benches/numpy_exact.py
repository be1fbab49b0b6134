"""Exact search in numpy on one thread: the counterpart of vector_exact.rs, which runs it.

numpy_exact.py ROWS.f32 QUERIES.f32 DIMENSIONS K prints the median time of a query in milliseconds,
and then for each query the numbers of the K rows with the largest inner product, best first.
The files hold little-endian 32-bit floats, row after row. Set OPENBLAS_NUM_THREADS=1.
"""

import sys
import time

import numpy as np


def main() -> None:
    rows_path, queries_path, dimensions, k = sys.argv[1:]
    rows = np.fromfile(rows_path, dtype="<f4").reshape(-1, int(dimensions))
    queries = np.fromfile(queries_path, dtype="<f4").reshape(-1, int(dimensions))
    k = int(k)
    times = []
    found = []
    for query in queries:
        start = time.perf_counter()
        scores = rows @ query
        best = np.argpartition(scores, -k)[-k:]
        best = best[np.argsort(-scores[best])]
        times.append(time.perf_counter() - start)
        found.append(best)
    print(np.median(times) * 1e3)
    for best in found:
        print(*best)


main()
