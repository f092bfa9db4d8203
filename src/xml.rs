//! XML: a tree of elements, written by `quick-xml`.

use quick_xml::Writer;
use quick_xml::events::BytesText;

/// An element with attributes, and either text or children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// One without content.
    pub fn new(name: &'static str, attributes: &[(&'static str, &str)]) -> Self {
        let own = attributes.iter();
        Self {
            name,
            attributes: own
                .map(|(key, value)| (*key, (*value).to_owned()))
                .collect(),
            text: String::new(),
            children: Vec::new(),
        }
    }

    /// The same with text in it.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// Adds a child.
    pub fn push(&mut self, child: Element) {
        self.children.push(child);
    }

    /// A whole document.
    ///
    /// # Panics
    /// Never: it is written to memory.
    pub fn document(&self) -> String {
        let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
        self.write(&mut writer).expect("writing to memory");
        let body = String::from_utf8(writer.into_inner()).expect("text of this program");
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{body}\n")
    }

    fn write(&self, to: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let mut element = to.create_element(self.name);
        for (key, value) in &self.attributes {
            element = element.with_attribute((*key, value.as_str()));
        }
        if !self.children.is_empty() {
            element.write_inner_content(|to| {
                self.children.iter().try_for_each(|child| child.write(to))
            })?;
        } else if self.text.is_empty() {
            element.write_empty()?;
        } else {
            element.write_text_content(BytesText::new(&self.text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_means_by_itself_is_escaped() {
        let mut outer = Element::new("a", &[("b", "\"<&")]);
        outer.push(Element::new("c", &[]));
        outer.push(Element::new("d", &[]).with_text("1 < 2 & 3"));
        let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
                        <a b=\"&quot;&lt;&amp;\">\n  <c/>\n  <d>1 &lt; 2 &amp; 3</d>\n</a>\n";
        assert_eq!(outer.document(), expected);
    }
}
