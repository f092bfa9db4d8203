//! Bytes → deterministic containers. Knows nothing of clusters.
