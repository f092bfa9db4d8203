//! The content-addressed store: what an overlay disk, an ISO and an HTTP mirror hold.
//!
//! - `blobs/sha256/<hex>`, `blobs/sha512/<hex>`: content under its digest, as in an OCI layout
//! - `index`: one line per artefact, made for `sh` (see [`index`])
//! - `index.json`: the same for tools, with versions, licences and origins
//! - `bad/`: downloads that were not what their digest says, for inspection; never packed

mod archive;
mod blobs;
mod build;
mod error;
mod gather;
mod http;
mod image;
pub mod index;
mod registry;
mod source;

pub use build::{Event, Report, Request, build};
pub use error::{Attempt, Problem, StoreError};
pub use index::{StoreFile, files};
pub use source::Source;
