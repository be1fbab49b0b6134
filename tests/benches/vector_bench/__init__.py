"""The benchmark of the vector engine beside its peers: tests/benches/vectors runs it."""
