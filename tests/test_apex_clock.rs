//! Two clocks that differ.
