//! Who owns standard output, standard error and progress.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::diagnostic::{self, Diagnostic, Severity, Source};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Prints; knows how loud and how colourful.
#[derive(Debug)]
pub struct Printer {
    color: bool,
    quiet: bool,
    verbose: bool,
}

impl Printer {
    /// From the global flags and the environment.
    pub fn new(color: Color, quiet: bool, verbose: bool) -> Printer {
        let auto = || {
            std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        };
        Printer {
            color: color == Color::Always || (color == Color::Auto && auto()),
            quiet,
            verbose,
        }
    }

    /// Data, to standard output. A closed pipe ends the program silently: its reader has seen
    /// enough. Any other failure, such as a full disk, is one.
    pub fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            if error.kind() == std::io::ErrorKind::BrokenPipe {
                std::process::exit(0);
            }
            self.error(
                &std::io::Error::new(
                    error.kind(),
                    format!("cannot write standard output: {error}"),
                ),
                None,
            );
            std::process::exit(1);
        }
    }

    /// A line for people, to standard error.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            drop(writeln!(std::io::stderr(), "{text}"));
        }
    }

    /// A line for people who asked for more.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.note(text);
        }
    }

    /// Findings with their snippets. Warnings are part of what `--quiet` silences.
    pub fn findings(&self, source: &Source, findings: &[Diagnostic]) {
        let shown: Vec<_> = findings
            .iter()
            .filter(|d| !self.quiet || d.severity == Severity::Error)
            .cloned()
            .collect();
        if !shown.is_empty() {
            drop(write!(
                std::io::stderr(),
                "{}",
                diagnostic::render(source, &shown, self.color)
            ));
        }
    }

    /// An error with its causes and what to do, as `error:`, `Caused by:`, `hint:`.
    pub fn error(&self, error: &dyn std::error::Error, hint: Option<&str>) {
        let (on, off) = if self.color {
            ("\x1b[1;31m", "\x1b[0m")
        } else {
            ("", "")
        };
        let mut text = format!("{on}error{off}: {error}\n");
        let mut cause = error.source();
        while let Some(e) = cause {
            text.push_str(&format!("  Caused by: {e}\n"));
            cause = e.source();
        }
        if let Some(hint) = hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        drop(write!(std::io::stderr(), "{text}"));
    }

    /// One that prints errors only.
    pub fn quietly(&self) -> Printer {
        Printer {
            quiet: true,
            ..*self
        }
    }

    /// Whether anybody would see a bar.
    pub fn shows_progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }

    /// A bar over `len` steps, drawn on a terminal only.
    pub fn bar(&self, stage: &'static str, len: usize) -> ProgressBar {
        let bar = ProgressBar::new(len as u64);
        if !self.shows_progress() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{prefix:>10} {bar:30} {pos}/{len} {msg}")
            .expect("a template that is tested");
        bar.set_style(style);
        bar.set_prefix(stage);
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}
