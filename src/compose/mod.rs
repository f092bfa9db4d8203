//! `Plan` + identities → [`NodeTree`] per node. One file per concern.

pub mod tree;

pub use tree::{File, Kind, NodeTree};
