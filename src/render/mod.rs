//! `NodeTree` → one boot format, one file each. Pure.
