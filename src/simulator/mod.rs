//! The simulated consoles: real HTTPS on loopback, written from the vendors' documentation.
