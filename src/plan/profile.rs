//! What firstlight must know of an operating system, read from `profiles/*.yml`.
