//! One file per command; the clap struct is the parameter. Printing, progress, exit codes.
