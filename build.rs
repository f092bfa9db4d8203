//! The files that are part of the program: `include_dir!` does not tell Cargo about them.

fn main() {
    println!("cargo::rerun-if-changed=overlays");
    println!("cargo::rerun-if-changed=profiles");
}
