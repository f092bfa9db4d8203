//! A deterministic ISO 9660 image with Rock Ridge and Joliet, written in one pass.
//!
//! Sources: ECMA-119 (ISO 9660:1988), SUSP 1.10, RRIP 1.10, the Joliet Specification (1995).
//!
//! Order on the medium: system area, descriptors, path tables, folders, contents. All folders
//! come before all contents, so that a reader without seeking (libarchive) knows every name first.
//! There is no padding at the end: the 150 sectors of other tools serve old CD drives.
//!
//! One file has up to three names. Linux reads Rock Ridge: the name as given, up to 255 bytes.
//! Windows reads Joliet: 64 UCS-2 units; what does not fit is changed, see `names.rs`. Everybody
//! else reads `UPPER_CASE.EXT;1` of level 2.

mod field;
mod hierarchy;
mod image;
mod names;
mod read;
mod rock_ridge;
mod tree;
mod volume;
mod write;

pub use image::{Directory, File, IsoError, IsoImage, Node};
pub use read::{Extent, extents};
pub use write::write;

/// Bytes of a logical sector and of a logical block, ECMA-119 §6.1.2 and §6.2.2.
const SECTOR: usize = 2048;
