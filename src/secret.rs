//! Secrets: one type that nothing prints, and the places it is read from.
