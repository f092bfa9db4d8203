//! Diagnostics as text.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Severity, Source};

/// Renders findings with the lines they point at, sorted by position; those without one come
/// first. Ends with a newline; empty when there are none.
pub fn render(source: &Source, findings: &[Diagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut sorted: Vec<&Diagnostic> = findings.iter().collect();
    sorted.sort_by_key(|finding| (finding.span, finding.severity, finding.code));
    let texts: Vec<String> = sorted
        .into_iter()
        .map(|finding| renderer.render(&[group(source, finding)]) + "\n")
        .collect();
    texts.join("\n")
}

fn group<'a>(source: &'a Source, finding: &'a Diagnostic) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&finding.message).id(finding.code);
    let group = match finding.span {
        Some(span) => title.element(
            Snippet::source(&source.text)
                .path(&source.name)
                .annotation(AnnotationKind::Primary.span(span.start..span.end)),
        ),
        None => title.element(Origin::path(&source.name)),
    };
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(help)),
        None => group,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Span;

    fn source() -> Source {
        Source {
            name: "cluster.yml".into(),
            text: "# Größe\nname: Demo\nrole: mster\n".into(),
        }
    }

    fn at(text: &str) -> Span {
        let start = source().text.find(text).unwrap();
        Span {
            start,
            end: start + text.len(),
        }
    }

    #[test]
    fn a_finding_shows_its_line_and_help() {
        let finding = Diagnostic::error(
            "config/not-one-of",
            "role",
            Some(at("mster")),
            "must be one of: `master`, `worker`",
        )
        .with_help("did you mean `master`?");
        let expected = "\
error[config/not-one-of]: must be one of: `master`, `worker`
 --> cluster.yml:3:7
  |
3 | role: mster
  |       ^^^^^
  |
  = help: did you mean `master`?
";
        assert_eq!(render(&source(), &[finding], false), expected);
    }

    #[test]
    fn findings_come_in_file_order_those_without_place_first() {
        let findings = [
            Diagnostic::warning("b/b", "", Some(at("Demo")), "second"),
            Diagnostic::error("a/a", "", None, "first"),
        ];
        let expected = "\
error[a/a]: first
--> cluster.yml

warning[b/b]: second
 --> cluster.yml:2:7
  |
2 | name: Demo
  |       ^^^^
";
        assert_eq!(render(&source(), &findings, false), expected);
    }

    #[test]
    fn colour_is_a_choice() {
        let finding = Diagnostic::error("a/a", "", Some(at("Demo")), "wrong");
        assert!(render(&source(), std::slice::from_ref(&finding), true).contains("\u{1b}["));
        assert!(!render(&source(), &[finding], false).contains('\u{1b}'));
    }

    #[test]
    fn nothing_renders_as_nothing() {
        assert_eq!(render(&source(), &[], false), "");
    }
}
