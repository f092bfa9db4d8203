//! Bytes → deterministic containers. Knows nothing of clusters.

pub mod atomic;
pub mod gzip;
pub mod iso9660;
mod source;
pub mod tar;
pub mod tar_gz;

pub use source::{Source, SourceError};

/// The time stamp of everything that is packed, unless the caller names another:
/// 2020-01-01 00:00:00 UTC, in seconds since 1970.
///
/// Not 0: GNU tar warns about `implausibly old time stamp 1970-01-01`.
pub const EPOCH: i64 = 1_577_836_800;
