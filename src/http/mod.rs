//! The one way to speak HTTP.
