//! Integration tests, simulations and benchmarks.
