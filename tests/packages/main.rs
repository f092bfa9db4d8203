//! Resolving distribution packages, from repositories made here with the distributions' own tools
//! and from Debian itself.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod apt;
mod debian;
mod install;
mod keys;
mod lock;
mod made;
mod refused;
mod rpm;
#[path = "../support/mod.rs"]
mod support;
mod versions;
