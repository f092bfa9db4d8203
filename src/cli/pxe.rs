//! `firstlight pxe`

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use super::Format;
use super::exit::Failure;
use super::output_folder;
use super::printer::Printer;
use super::table::{row, table};
use crate::pack::atomic;
use crate::render::pxe::{self, Armed};

/// Which machines are installed when they next boot from the network
///
/// `build` writes `pxe/`, which any web or TFTP server may serve. A machine boots from its disk until it is armed here,
/// or until somebody chooses to install it at its menu.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Pxe {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, Clone, Subcommand)]
enum Verb {
    /// List the machines, and which are armed (the default)
    List(List),
    /// Have machines install themselves at their next boot from the network
    ///
    /// Each installs itself once: its disk remembers, and another boot from the network ends with a message. A disk
    /// on which a node lives is left alone, unless `--reinstall`.
    Arm {
        /// Names of the nodes
        #[arg(required = true)]
        nodes: Vec<String>,
        /// Wipe the node that lives on the disk
        #[arg(long)]
        reinstall: bool,
        #[command(flatten)]
        folder: Folder,
    },
    /// Have them boot from their disks again
    Disarm {
        /// Names of the nodes
        #[arg(required = true)]
        nodes: Vec<String>,
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(Debug, Clone, Args)]
struct Folder {
    /// Output folder of `build`
    #[arg(short = 'o', long = "out", value_name = "DIR", default_value = "out")]
    out: PathBuf,
}

#[derive(Debug, Clone, Args)]
struct List {
    #[command(flatten)]
    folder: Folder,
    /// Form of what is printed on standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Runs it.
pub fn run(args: &Pxe, printer: &Printer) -> Result<(), Failure> {
    match &args.verb {
        None => list(&args.list, printer),
        Some(Verb::List(args)) => list(args, printer),
        Some(Verb::Arm {
            nodes,
            reinstall,
            folder,
        }) => {
            let root = known(folder, nodes)?;
            let _held = output_folder::hold(&folder.out, printer)?;
            for node in nodes {
                let id = random_id();
                let armed = Armed {
                    id: &id,
                    reinstall: *reinstall,
                };
                for (path, content) in pxe::armed(node, armed) {
                    let at = root.join(path);
                    output_folder::make(at.parent().expect("it is in a folder"), 0o755)?;
                    atomic::write_if_changed(&at, 0o644, &content)?;
                }
                printer.note(&format!(
                    "{node} installs itself when it next boots from the network"
                ));
            }
            Ok(())
        }
        Some(Verb::Disarm { nodes, folder }) => {
            let root = known(folder, nodes)?;
            let _held = output_folder::hold(&folder.out, printer)?;
            for node in nodes {
                for file in armed_files(&root, node) {
                    fs_err::remove_file(file)?;
                }
                printer.note(&format!("{node} boots from its disk"));
            }
            Ok(())
        }
    }
}

/// The tree, when all `nodes` are in it.
fn known(folder: &Folder, nodes: &[String]) -> Result<PathBuf, Failure> {
    let root = folder.out.join("pxe");
    let all = machines(&root)?;
    match nodes.iter().find(|node| !all.contains(node)) {
        None => Ok(root),
        Some(unknown) => Err(Failure::Message(format!(
            "`{unknown}` is not installed over the network; in `{}` are: {}",
            root.display(),
            all.join(", ")
        ))),
    }
}

/// Names of the machines of a tree, sorted.
fn machines(root: &Path) -> Result<Vec<String>, Failure> {
    let folder = root.join("nodes");
    if !folder.is_dir() {
        return Err(Failure::Message(format!(
            "there is no `{}`\nhint: `firstlight build` writes it for hosts with `installer.url` and `disk`",
            folder.display()
        )));
    }
    let mut names = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// What arms a machine now.
fn armed_files(root: &Path, node: &str) -> Vec<PathBuf> {
    let armed = Armed {
        id: "",
        reinstall: false,
    };
    let files = pxe::armed(node, armed).into_keys();
    files
        .map(|path| root.join(path))
        .filter(|path| path.exists())
        .collect()
}

/// Of this time that it was armed, and no other.
fn random_id() -> String {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has random numbers");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn list(args: &List, printer: &Printer) -> Result<(), Failure> {
    let root = args.folder.out.join("pxe");
    let nodes: Vec<(String, bool)> = machines(&root)?
        .into_iter()
        .map(|node| {
            let armed = !armed_files(&root, &node).is_empty();
            (node, armed)
        })
        .collect();
    printer.data(&match args.format {
        Format::Text => {
            let word = |armed| {
                if armed {
                    "armed"
                } else {
                    "boots from its disk"
                }
            };
            let lines = nodes
                .iter()
                .map(|(node, armed)| row([node.as_str(), word(*armed)]));
            table(
                &std::iter::once(row(["NODE", "NEXT BOOT"]))
                    .chain(lines)
                    .collect::<Vec<_>>(),
            )
        }
        Format::Json => {
            let one = |(node, armed): &(String, bool)| json!({ "name": node, "armed": armed });
            let value =
                json!({ "schema_version": 1, "nodes": nodes.iter().map(one).collect::<Vec<_>>() });
            serde_json::to_string_pretty(&value).expect("plain values have a JSON form") + "\n"
        }
    });
    Ok(())
}
