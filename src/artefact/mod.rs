//! Catalogue, lock, content-addressed store, download. Knows nothing of nodes.

pub mod catalogue;
