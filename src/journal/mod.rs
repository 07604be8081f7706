//! What was meant and what came of it, on disk.
