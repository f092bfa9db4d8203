//! The port contract: its rows in every train, components that bring rows, and what it makes of them.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

#[path = "ports/firewall.rs"]
mod firewall;
#[path = "ports/table.rs"]
mod table;

#[path = "ports/formats.rs"]
mod formats;
#[path = "ports/verify.rs"]
mod verify;
