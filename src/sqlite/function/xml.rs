//! Functions of XML.

use rusqlite::Connection;

use super::{boolean, strict, string};
use crate::datum::xml::{Shape, check};
use crate::model::error::{Error, SqlState};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let shapes = [
        (Shape::Document, "pg_xml_document", "pg_xml_has_document"),
        (Shape::Content, "pg_xml_content", "pg_xml_has_content"),
    ];
    for (shape, parse, asks) in shapes {
        strict(connection, parse, 1, move |args| {
            let text = args.text(0)?;
            check(text, shape)?;
            Ok(string(text))
        })?;
        strict(connection, asks, 1, move |args| Ok(boolean(check(args.text(0)?, shape).is_ok())))?;
    }
    strict(connection, "pg_xml_whole", 1, |args| {
        let text = args.text(0)?;
        match check(text, Shape::Document) {
            Ok(()) => Ok(string(text)),
            Err(_) => Err(Error::user(SqlState(*b"2200L"), "not an XML document")),
        }
    })?;
    strict(connection, "pg_xml_comment", 1, |args| {
        let text = args.text(0)?;
        if text.contains("--") || text.ends_with('-') {
            return Err(Error::user(SqlState(*b"2200S"), "invalid XML comment"));
        }
        Ok(string(format!("<!--{text}-->")))
    })
}
