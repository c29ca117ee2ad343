//! xml: documents and pieces of them, checked to be well-formed (manual, "XML Type").
//!
//! Stored as it was written. Without namespaces: PostgreSQL doesn't want prefixes to be known either.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::datum::stored::{no_nul, text, utf8};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::PgType;
use crate::model::value::Value;

pub const XML: PgType = PgType::new(142);

/// What a text is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One element, with what may stand around it.
    Document,
    /// Elements and text in any order, or a document.
    Content,
}

impl Shape {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Content => "content",
        }
    }
}

/// Whether a text is well-formed.
///
/// # Errors
/// 2200M `invalid XML document`, 2200N `invalid XML content`, with the line and what is wrong there.
pub fn check(input: &str, shape: Shape) -> Result<(), Error> {
    walk(input, shape).map_err(|(at, wrong)| {
        let line = 1 + input.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        let state = if shape == Shape::Document { *b"2200M" } else { *b"2200N" };
        let message = format!("invalid XML {}", shape.name());
        Error::user(SqlState(state), message).with_detail(format!("line {line}: {wrong}"))
    })
}

/// Where it is wrong, and what.
type Wrong = (usize, String);

fn walk(input: &str, shape: Shape) -> Result<(), Wrong> {
    let mut reader = Reader::from_str(input);
    reader.config_mut().enable_all_checks(true);
    let (mut depth, mut roots) = (0_usize, 0_usize);
    // A document type makes a document of it, and may say what its entities are.
    let (mut document, mut entities) = (shape == Shape::Document, false);
    loop {
        let at = reader.buffer_position() as usize;
        let wrong = |text: &str| Err((at, text.to_owned()));
        let event = reader
            .read_event()
            .map_err(|error| (reader.error_position() as usize, error.to_string()))?;
        match event {
            Event::Start(_) | Event::Empty(_) if depth == 0 && document && roots == 1 => {
                return wrong("there is a second element beside the document's");
            }
            Event::Start(tag) => {
                roots += usize::from(depth == 0);
                depth += 1;
                check_tag(&tag, entities).map_err(|text| (at, text))?;
            }
            Event::Empty(tag) => {
                roots += usize::from(depth == 0);
                check_tag(&tag, entities).map_err(|text| (at, text))?;
            }
            Event::End(_) => depth -= 1,
            Event::Text(text) => {
                if document && depth == 0 && !text.chars().all(is_blank) {
                    return wrong("there is text outside of the document's element");
                }
                if text.contains("]]>") {
                    return wrong("\"]]>\" stands outside of a CDATA section");
                }
            }
            Event::CData(_) if document && depth == 0 => {
                return wrong("there is text outside of the document's element");
            }
            Event::GeneralRef(name) => {
                if document && depth == 0 {
                    return wrong("there is text outside of the document's element");
                }
                check_reference(&name, entities).map_err(|text| (at, text))?;
            }
            Event::Decl(_) if at > 0 => return wrong("the XML declaration isn't at the beginning"),
            Event::PI(pi) if pi.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("xml")) => {
                let rest = pi[3..].chars().next();
                if rest.is_none_or(is_blank) {
                    return wrong("the XML declaration isn't at the beginning");
                }
            }
            Event::DocType(_) if roots > 0 || entities => {
                return wrong("the document type isn't in front of the element");
            }
            Event::DocType(_) => (document, entities) = (true, true),
            Event::CData(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if depth > 0 => return wrong("an element has no end"),
            Event::Eof if document && roots == 0 => return wrong("there is no element"),
            Event::Eof => return Ok(()),
        }
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// `Name` of the specification of XML 1.0, paragraph 5.
fn is_name(name: &str) -> bool {
    let begins = |c: char| c.is_alphabetic() || matches!(c, '_' | ':');
    let goes_on = |c: char| begins(c) || c.is_alphanumeric() || matches!(c, '-' | '.' | '\u{b7}');
    name.starts_with(begins) && name.chars().all(goes_on)
}

fn check_tag(tag: &BytesStart<'_>, entities: bool) -> Result<(), String> {
    let name = tag.name().0;
    if !is_name(name) {
        return Err(format!("\"{name}\" is no name of an element"));
    }
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let name = attribute.key.0;
        if !is_name(name) {
            return Err(format!("\"{name}\" is no name of an attribute"));
        }
        if attribute.value.contains('<') {
            return Err(format!("there is a \"<\" in the value of the attribute \"{name}\""));
        }
        for part in attribute.value.split('&').skip(1) {
            let (reference, _) =
                part.split_once(';').ok_or("an entity reference has no end".to_owned())?;
            check_reference(reference, entities)?;
        }
    }
    Ok(())
}

/// `lt`, `#38`, `#x26`; others only where a document type may have defined them.
fn check_reference(name: &str, entities: bool) -> Result<(), String> {
    let known = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            };
            let allowed = |c: &char| *c >= ' ' || is_blank(*c);
            number.and_then(char::from_u32).as_ref().is_some_and(allowed)
        }
        None => matches!(name, "lt" | "gt" | "amp" | "apos" | "quot") || entities && is_name(name),
    };
    known.then_some(()).ok_or_else(|| format!("the entity \"{name}\" is not defined"))
}

pub(crate) fn from_text(input: &str) -> Result<Value, Error> {
    check(no_nul(input)?, Shape::Content)?;
    Ok(Value::Text(input.to_owned()))
}

/// # Errors
/// 0A000 for a declaration of another encoding than UTF-8.
pub(crate) fn from_binary(bytes: &[u8]) -> Result<Value, Error> {
    let input = utf8(bytes)?;
    if let Some(Declaration { encoding: Some(encoding), .. }) = declaration(input).0
        && !encoding.eq_ignore_ascii_case("UTF-8")
        && !encoding.eq_ignore_ascii_case("UTF8")
    {
        let message = format!("XML that is encoded as {encoding} is not supported");
        return Err(Error::refused(message));
    }
    from_text(input)
}

/// What stands in `<?xml ... ?>`.
#[derive(Debug, Default)]
struct Declaration {
    version: String,
    encoding: Option<String>,
    standalone: Option<String>,
}

/// The declaration that a text begins with, and what is behind it.
fn declaration(input: &str) -> (Option<Declaration>, &str) {
    let mut reader = Reader::from_str(input);
    let Ok(Event::Decl(found)) = reader.read_event() else { return (None, input) };
    let known = Declaration {
        version: found.version().map(Cow::into_owned).unwrap_or_default(),
        encoding: found.encoding().and_then(Result::ok).map(Cow::into_owned),
        standalone: found.standalone().and_then(Result::ok).map(Cow::into_owned),
    };
    (Some(known), &input[reader.buffer_position() as usize..])
}

/// As PostgreSQL shows it: without the declaration, unless that says what isn't so by itself, and never
/// with an encoding.
pub(crate) fn to_text(value: &Value, out: &mut BytesMut) -> Result<(), Error> {
    let stored = text(XML, value)?;
    let (declaration, rest) = declaration(stored);
    if let Some(Declaration { version, standalone, .. }) = declaration {
        if version != "1.0" || standalone.is_some() {
            out.put_slice(format!("<?xml version=\"{version}\"").as_bytes());
            if let Some(standalone) = standalone {
                out.put_slice(format!(" standalone=\"{standalone}\"").as_bytes());
            }
            out.put_slice(b"?>");
            out.put_slice(rest.as_bytes());
        } else {
            out.put_slice(rest.strip_prefix('\n').unwrap_or(rest).as_bytes());
        }
        return Ok(());
    }
    out.put_slice(stored.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_well_formed_is_told_from_what_is_not() {
        for (input, document, content) in [
            ("<a/>", true, true),
            ("<a b='1' c=\"&lt;&#x26;\">x &amp; y<b/><![CDATA[<]]></a>", true, true),
            ("<?xml version=\"1.0\"?>\n<!-- c --><a/><?pi?>\n", true, true),
            ("<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", true, true),
            ("", false, true),
            ("text <b/> <c/>", false, true),
            ("<a/><b/>", false, true),
            ("<a><b></a></b>", false, false),
            ("<a>", false, false),
            ("</a>", false, false),
            ("a & b", false, false),
            ("<a>&nbsp;</a>", false, false),
            ("<a b=1/>", false, false),
            ("<a b='1' b='2'/>", false, false),
            ("<a b='<'/>", false, false),
            ("<1/>", false, false),
            ("a ]]> b", false, false),
            (" <?xml version=\"1.0\"?><a/>", false, false),
            ("<a/><!DOCTYPE a>", false, false),
            ("<!DOCTYPE a><a/><b/>", false, false),
            ("<!-- a -- b -->", false, false),
        ] {
            assert_eq!(check(input, Shape::Document).is_ok(), document, "{input} as a document");
            assert_eq!(check(input, Shape::Content).is_ok(), content, "{input} as content");
        }
    }

    #[test]
    fn a_declaration_is_shown_where_it_says_something() {
        for (input, shown) in [
            ("<?xml version=\"1.0\" encoding='latin1'?>\n<a/>", "<a/>"),
            (
                "<?xml version='1.0' standalone='yes'?>\n<a/>",
                "<?xml version=\"1.0\" standalone=\"yes\"?>\n<a/>",
            ),
            ("<?xml version='1.1'?><a/>", "<?xml version=\"1.1\"?><a/>"),
            ("a<b/>", "a<b/>"),
        ] {
            let mut out = BytesMut::new();
            to_text(&Value::Text(input.to_owned()), &mut out).unwrap();
            assert_eq!(std::str::from_utf8(&out).unwrap(), shown);
        }
        assert!(from_binary(b"<?xml version='1.0' encoding='latin1'?><a/>").is_err());
    }
}
