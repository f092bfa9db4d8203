//! `NodeTree` → one boot format, one file each. Pure: a sorted map of file name to bytes.

mod autoinstall;
mod boot;
pub mod cloud_init;
mod kickstart;
pub mod network;
mod preseed;
pub mod pxe;
pub mod seed;
