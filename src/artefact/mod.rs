//! Catalogue, lock, content-addressed store, download. Knows nothing of nodes.

pub mod addon;
pub mod catalogue;
pub mod digest;
mod lacking;
pub mod list;
mod load;
pub mod pins;
pub mod port;
mod provider;
pub mod repositories;
pub mod schema;
pub mod store;
pub mod train;

pub use catalogue::{Catalogue, CatalogueError};
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use lacking::Lacking;
pub use list::{Artefact, Item, PackageKind, Where};
pub use pins::{Origin, PackagePins, Pins, Unpinned};
pub use provider::{Family, IptablesBackend, Provider};
pub use repositories::{AptRepository, Repositories, RpmRepository, Signed, Sources};
pub use train::Train;
