"""What the benchmarks share: assets, one measured run, the programs that are compared, the machine, tables."""
