"""What is measured: CPU time, statements, behaviour, storage, throughput."""
