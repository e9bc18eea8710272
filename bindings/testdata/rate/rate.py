"""Calls a verb many times, and prints how many nanoseconds that took: rate.py http SOCKET N | library LIBRARY FOLDER N."""

import sys
import time

import syncmanager

door, *given, n = sys.argv[1:]
with syncmanager.connect(given[0]) if door == "http" else syncmanager.open(given[1], given[0]) as client:
    client.version()
    begun = time.perf_counter_ns()
    for _ in range(int(n)):
        client.version()
    print(time.perf_counter_ns() - begun)
