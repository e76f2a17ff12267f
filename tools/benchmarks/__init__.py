"""How fast: benchmarks, each a command."""
