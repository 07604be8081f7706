//! Bad days of Apex Central.
