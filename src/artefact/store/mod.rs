//! The content-addressed store, and what is laid out of it: overlay disk, ISO and HTTP mirror.
//!
//! The store, which all builds share:
//!
//! - `blobs/sha256/<hex>`, `blobs/sha512/<hex>`: content under its digest, as in an OCI layout
//! - `bad/`: downloads that were not what their digest says, for inspection
//!
//! A laid out folder has, for the artefacts of one description:
//!
//! - `blobs/` as above
//! - `index`: one line per artefact, made for `sh` (see [`index`])
//! - `index.json`: the same for tools, with versions, licences and origins

mod answer;
mod archive;
mod archive_members;
mod auth;
mod blobs;
mod build;
mod docker_archive;
mod documents;
mod error;
mod find;
mod gather;
mod http;
mod image;
pub mod index;
mod layout;
mod learn;
mod made;
mod named;
mod pull;
mod registry;
mod registry_mirror;
mod sbom;
mod source;
mod upstream;

pub use auth::{Credentials, CredentialsError};
pub use build::{Event, Laid, Report, Request, Set, build};
pub use docker_archive::{DockerArchive, DockerArchiveError, MadeImage, MadeIndex, Part};
pub use documents::Documents;
pub use error::{Attempt, Problem, StoreError};
pub use index::{Content, Listed, Listing, StoreFile};
pub use learn::{Learn, learn};
pub use named::{NamedImage, named};
pub use pull::{Address, addresses, pull};
pub use registry_mirror::{RegistryMirror, RegistryMirrorError};
pub use sbom::sbom;
pub use source::Source;
pub use upstream::Copy;
