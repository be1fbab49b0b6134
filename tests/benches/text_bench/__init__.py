"""The parts of tests/benches/text that are not an engine."""
