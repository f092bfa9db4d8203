//! Text → typed [`model::Config`] with spans, and every check that needs nothing but the file.

pub mod model;
