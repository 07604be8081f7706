//! What a run shows and prints: reporters hear run events and write to what they are handed.
