//! XML within bounds: elements and their text, and nothing that reaches beyond the document.
//!
//! `quick-xml` pulls the tokens; it expands no entity and opens nothing. What it leaves to its user is held here: the
//! encoding, one outermost element, no document type, references to predefined entities and to characters only, and
//! bounds. Attributes are not read. Comments and processing instructions are as if they were not there.

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesRef, Event};

use super::error::{Bound, ShDataError};
use super::{MAX_DEPTH, MAX_ELEMENTS, MAX_OCTETS};

/// Is told of elements in their order. An error ends the walk.
pub(super) trait Visitor {
    /// An element begins. Its name comes without the prefix of a namespace.
    fn open(&mut self, name: &str) -> Result<(), ShDataError>;
    /// Character data of the innermost open element, or a part of it.
    fn text(&mut self, text: &str) -> Result<(), ShDataError>;
    /// The innermost open element ends.
    fn close(&mut self) -> Result<(), ShDataError>;
}

/// Walks through a document.
///
/// # Errors
/// Whatever [`ShDataError`] tells of encoding, form and bounds, and what the visitor returns.
pub(super) fn walk(document: &[u8], visitor: &mut impl Visitor) -> Result<(), ShDataError> {
    if document.len() > MAX_OCTETS {
        return Err(ShDataError::TooMuch(Bound::Octets));
    }
    let text = std::str::from_utf8(document).map_err(|_| ShDataError::Encoding)?;
    let mut xml = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let config = xml.config_mut();
    config.check_comments = true;
    config.expand_empty_elements = true;

    let (mut depth, mut elements, mut first) = (0usize, 0usize, true);
    loop {
        let event = xml.read_event().map_err(|_| ShDataError::Malformed)?;
        match event {
            Event::Start(element) => {
                // A second outermost element.
                if depth == 0 && elements > 0 {
                    return Err(ShDataError::Malformed);
                }
                depth += 1;
                elements += 1;
                if depth > MAX_DEPTH {
                    return Err(ShDataError::TooMuch(Bound::Depth));
                }
                if elements > MAX_ELEMENTS {
                    return Err(ShDataError::TooMuch(Bound::Elements));
                }
                visitor.open(element.local_name().as_ref())?;
            }
            Event::End(_) => {
                // The reader has compared the names.
                depth = depth.checked_sub(1).ok_or(ShDataError::Malformed)?;
                visitor.close()?;
            }
            Event::Text(text) if depth > 0 => visitor.text(&text)?,
            Event::Text(text) if text.bytes().all(is_space) => {}
            Event::CData(text) if depth > 0 => visitor.text(&text)?,
            Event::GeneralRef(reference) if depth > 0 => {
                let character = referred(&reference).ok_or(ShDataError::Entity)?;
                visitor.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::Comment(_) | Event::PI(_) => {}
            Event::Decl(declaration) if first => check_declaration(&declaration)?,
            Event::DocType(_) => return Err(ShDataError::DocumentType),
            Event::Eof if depth == 0 && elements > 0 => return Ok(()),
            // What stands outside of the outermost element, and a document that ends within it.
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Decl(_)
            | Event::Empty(_)
            | Event::Eof => return Err(ShDataError::Malformed),
        }
        first = false;
    }
}

/// White space of XML.
pub(super) const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// The character that a reference stands for; `None` for entities that a document would have to define.
fn referred(reference: &BytesRef<'_>) -> Option<char> {
    match &**reference {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// The document has been read as UTF-8 already; it must not say that it is something else.
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), ShDataError> {
    declaration.version().map_err(|_| ShDataError::Malformed)?;
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("UTF-8") => Ok(()),
        Some(Ok(_)) => Err(ShDataError::Encoding),
        Some(Err(_)) => Err(ShDataError::Malformed),
    }
}
