//! What is wrong with the user's input, where, and what to do about it.

mod print;

pub use print::render;

/// Byte range in the source text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is built.
    Error,
    /// Something is probably not what the user meant.
    Warning,
}

/// A text the user wrote, with the name to show for it.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// File name as the user gave it.
    pub name: String,
    /// Whole content.
    pub text: String,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Stable identifier such as `network/overlapping-cidr`.
    pub code: &'static str,
    /// Path of the setting, such as `hosts[1].address`; empty for the whole file.
    pub path: String,
    /// Where in the source; `None` when the text has no such place.
    pub span: Option<Span>,
    /// Lower-case fragment, values in backticks, no full stop.
    pub message: String,
    /// How to mend it, when known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without help.
    pub fn error(
        code: &'static str,
        path: impl Into<String>,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            path: path.into(),
            span,
            message: message.into(),
            help: None,
        }
    }

    /// A warning without help.
    pub fn warning(
        code: &'static str,
        path: impl Into<String>,
        span: Option<Span>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, path, span, message)
        }
    }

    /// Adds how to mend it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether this keeps anything from being built.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
