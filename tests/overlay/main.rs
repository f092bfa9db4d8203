//! Filling a store, with a made-up upstream.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod docker_archive;
mod folder;
mod http;
mod lock;
mod named;
mod pull;
mod read;
mod refused;
mod registry;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod upstream;
