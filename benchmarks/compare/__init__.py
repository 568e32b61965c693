"""CPU time, statements and storage of this package and of other packages, measured in one run.

    python -m benchmarks.compare --help

Each subject runs in its own process, with its own settings and its own database, which is dropped
at the end. One coordinator drives all processes in interleaved rounds. In each round a process
measures the subject and a baseline: the least that a view of Django REST framework can do for the
same operation. Ratios are those of the same process and the same round.
"""
