//! `NodeTree` → one boot format, one file each. Pure: a sorted map of file name to bytes.

pub mod cloud_init;
pub mod network;
pub mod seed;
