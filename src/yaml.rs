//! YAML in (with spans) and out (as every reader means it).
