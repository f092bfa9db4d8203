//! Authorities, certificates, keys and what else is decided once: kept in the state folder,
//! issued when missing, never silently replaced.
