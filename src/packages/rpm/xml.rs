//! A walk over XML: each element when it ends, with those around it.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// An element with its attributes and its text so far. Names have no namespace prefix.
pub(super) struct Element {
    pub(super) name: String,
    attributes: Vec<(String, String)>,
    pub(super) text: String,
}

impl Element {
    /// The value of an attribute.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Deeper than repository metadata ever nest.
const DEPTH: usize = 16;

/// Calls `ended` for each element, with its ancestors before it. Entities beyond XML's own five
/// and characters by number are refused, so nothing can unfold.
pub(super) fn walk(
    text: &str,
    ended: &mut dyn FnMut(&[Element]) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                if open.len() == DEPTH {
                    return Err(format!("elements are nested more than {DEPTH} deep"));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                open.push(element(&start)?);
                ended(&open)?;
                open.pop();
            }
            Event::End(_) => {
                ended(&open)?;
                open.pop();
            }
            Event::Text(part) => add(&mut open, &part.xml10_content()),
            Event::CData(part) => add(&mut open, &part.xml10_content()),
            Event::GeneralRef(entity) => {
                let character = entity.resolve_char_ref();
                let character = character.map_err(|error| error.to_string())?;
                let known = match entity.xml10_content().as_ref() {
                    "amp" => Some('&'),
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => None,
                };
                let character = character
                    .or(known)
                    .ok_or("an entity that XML does not know")?;
                add(&mut open, character.encode_utf8(&mut [0; 4]));
            }
            Event::Eof if open.is_empty() => return Ok(()),
            Event::Eof => return Err("it ends early".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(innermost) = open.last_mut() {
        innermost.text.push_str(text);
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_err(|error| error.to_string())?;
        let name = attribute.key.local_name();
        attributes.push((name.as_ref().to_owned(), value.into_owned()));
    }
    Ok(Element {
        name: start.local_name().as_ref().to_owned(),
        attributes,
        text: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_each_element_with_its_text() {
        let text = r#"<?xml version="1.0"?><r:a x="1 &lt; 2"><b>A&amp;B&#33;</b><c/></r:a>"#;
        let mut seen = Vec::new();
        walk(text, &mut |path| {
            let last = path.last().unwrap();
            let x = last.attribute("x").unwrap_or_default();
            seen.push(format!("{} {} {} {x}", path.len(), last.name, last.text));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, ["2 b A&B! ", "2 c  ", "1 a  1 < 2"]);
    }

    #[test]
    fn refuses_what_is_broken_or_unfolds() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY x "xxxx">]><a>&x;</a>"#;
        let deep = "<a>".repeat(17);
        for bad in ["<a>", "<a></b>", bomb, &deep, "<a x=1/>"] {
            assert!(walk(bad, &mut |_| Ok(())).is_err(), "{bad}");
        }
    }
}
