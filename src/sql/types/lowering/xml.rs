//! XML.

use Lowering::Call;

use super::{Lowering, Row};

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    ("text::xml", Call("pg_xml_content")), ("xml_is_well_formed(text)", Call("pg_xml_has_content")),
    ("xml_is_well_formed_content(text)", Call("pg_xml_has_content")), ("xml_is_well_formed_document(text)", Call("pg_xml_has_document")),
    ("xmlcomment(text)", Call("pg_xml_comment")),
];
