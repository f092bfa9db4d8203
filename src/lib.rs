//! firstlight turns one `cluster.yml` into everything each machine needs to become its node of a
//! Kubernetes cluster by itself, on first boot.
//!
//! Data flows one way: `config → plan → identity → compose → render → pack`. A stage knows only
//! the stages to its left; `config`, `plan`, `compose` and `render` touch no clock, file, network
//! or terminal (`tests/layering.rs` holds them to it).

pub mod artefact;
pub mod cli;
pub mod compose;
pub mod config;
pub mod diagnostic;
pub mod identity;
pub mod lock;
pub mod pack;
pub mod packages;
pub mod plan;
pub mod render;
pub mod xml;
pub mod yaml;
