//! What keeps a file from being YAML at all.

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Diagnostic, Source, Span};

/// Bytes of a file → [`Source`]; what is not UTF-8 is a finding.
///
/// A byte order mark is kept out of the text: no reader of YAML counts it as content.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Source, Diagnostic> {
    let name = name.to_owned();
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(
            Diagnostic::error("yaml/encoding", "", None, "the file is UTF-16, not UTF-8")
                .with_help("save it as UTF-8 (PowerShell: `Set-Content -Encoding utf8`)"),
        );
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Source {
            name,
            text: text.to_owned(),
        }),
        Err(error) => {
            let valid = &bytes[..error.valid_up_to()];
            let line = String::from_utf8_lossy(valid).matches('\n').count() + 1;
            let message = format!(
                "the file is not UTF-8: byte `{:#04x}` in line {line}",
                bytes[error.valid_up_to()]
            );
            Err(Diagnostic::error("yaml/encoding", "", None, message).with_help("save it as UTF-8"))
        }
    }
}

/// The parser's error at its place.
pub(super) fn syntax_error(text: &str, error: &ScanError) -> Diagnostic {
    let start = error
        .marker()
        .byte_offset()
        .unwrap_or(text.len())
        .min(text.len());
    // A finding at the very end of the file points at its last character, else there is no line.
    let start = if start == text.len() {
        text.trim_end().len().saturating_sub(1)
    } else {
        start
    };
    let start = (0..=start)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let end = text[start..]
        .chars()
        .next()
        .map_or(start, |character| start + character.len_utf8());
    let finding = Diagnostic::error("yaml/syntax", "", Some(Span { start, end }), error.info());
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => {
            finding.with_help("indent with spaces: YAML has no tabs there")
        }
        ErrorKind::MappingValueNotAllowed => finding.with_help("quote a text that contains `: `"),
        ErrorKind::UnclosedQuotedScalar => {
            finding.with_help("a quote that is opened here is never closed")
        }
        _ => finding,
    }
}
