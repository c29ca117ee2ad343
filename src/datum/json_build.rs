//! JSON of values of other types: `to_json` and its family.

use bytes::BytesMut;

use crate::datum::json::write_string;
use crate::datum::{Style, array, record, stored, to_text};
use crate::model::error::{Error, SqlState};
use crate::model::pg_type::{Oid, PgType, builtin};
use crate::model::value::Value;

/// `_record`, a pseudo-type as `record` is.
const RECORDS: Oid = 2287;

/// The type of the elements, of a type that is an array in JSON.
pub(super) fn element_of(data_type: PgType) -> Option<PgType> {
    if data_type.oid == RECORDS {
        return Some(PgType::RECORD);
    }
    let Some(known) = builtin(data_type.oid) else {
        return array::element_of(data_type.oid).map(PgType::new);
    };
    let is_vector = matches!(data_type, PgType::INT2VECTOR | PgType::OIDVECTOR);
    (known.category == b'A' && !is_vector).then(|| PgType::new(known.element_oid))
}

/// Whether a type's JSON is an array or an object, which can't be a key.
pub fn is_structured(data_type: PgType) -> bool {
    element_of(data_type).is_some() || matches!(data_type.oid, 114 | 3802 | 2249)
}

fn text_of(data_type: PgType, value: &Value, style: &Style) -> Result<String, Error> {
    let mut out = BytesMut::new();
    to_text(data_type, value, style, &mut out)?;
    String::from_utf8(out.to_vec()).map_err(|_| Error::internal("text output is UTF-8"))
}

/// Writes the JSON of a value.
///
/// # Errors
/// XX001 if the value isn't of the type.
pub fn write(
    data_type: PgType,
    value: &Value,
    style: &Style,
    out: &mut String,
) -> Result<(), Error> {
    if *value == Value::Null {
        out.push_str("null");
        return Ok(());
    }
    if let Some(element) = element_of(data_type) {
        return write_array(element, stored::text(data_type, value)?, (style, false), out);
    }
    match data_type.oid {
        16 => out.push_str(if *value == Value::Integer(0) { "false" } else { "true" }),
        114 | 3802 => out.push_str(stored::text(data_type, value)?),
        20 | 21 | 23 | 700 | 701 | 1700 => {
            let text = text_of(data_type, value, style)?;
            if text.ends_with(|c: char| c.is_ascii_digit()) {
                out.push_str(&text);
            } else {
                write_string(&text, out);
            }
        }
        1082 | 1114 | 1184 => write_string(&moment_of(data_type, value, style)?, out),
        2249 => record::put_json(value, (style, false), out)?,
        _ => write_string(&text_of(data_type, value, style)?, out),
    }
    Ok(())
}

/// Dates and timestamps by ISO 8601: a `T` between date and time, and the whole offset.
fn moment_of(data_type: PgType, value: &Value, style: &Style) -> Result<String, Error> {
    let shown = text_of(
        data_type,
        value,
        &Style { time_zone: style.time_zone.clone(), ..Style::default() },
    )?;
    let (shown, era) = match shown.strip_suffix(" BC") {
        Some(shown) => (shown, " BC"),
        None => (shown.as_str(), ""),
    };
    let Some((date, time)) = shown.split_once(' ') else { return Ok(format!("{shown}{era}")) };
    let short = data_type == PgType::TIMESTAMPTZ
        && time.rfind(['+', '-']).is_some_and(|at| time.len() - at == 3);
    Ok(format!("{date}T{time}{}{era}", if short { ":00" } else { "" }))
}

/// Writes an array's JSON, with line feeds between the outermost elements if `lines`.
///
/// # Errors
/// As [`write()`].
pub fn write_array(
    element: PgType,
    stored: &str,
    (style, lines): (&Style, bool),
    out: &mut String,
) -> Result<(), Error> {
    let array = array::load(element, stored)?;
    if array.elements.is_empty() {
        out.push_str("[]");
        return Ok(());
    }
    let mut sizes: Vec<usize> = Vec::new();
    let mut size = 1;
    for length in array.lengths.iter().rev() {
        size *= length;
        sizes.push(size);
    }
    // Elements below one of the outermost dimension.
    let outermost = size / array.lengths[0].max(1);
    for (at, value) in array.elements.iter().enumerate() {
        if at > 0 {
            out.push_str(if lines && at % outermost == 0 { ",\n " } else { "," });
        }
        out.extend(sizes.iter().filter(|size| at % **size == 0).map(|_| '['));
        write(element, value, style, out)?;
        out.extend(sizes.iter().filter(|size| (at + 1) % **size == 0).map(|_| ']'));
    }
    Ok(())
}

/// Writes a value as an object's key.
///
/// # Errors
/// 22023 for what has no plain text.
pub fn write_key(
    data_type: PgType,
    value: &Value,
    style: &Style,
    out: &mut String,
) -> Result<(), Error> {
    if is_structured(data_type) {
        return Err(Error::user(
            SqlState::INVALID_PARAMETER_VALUE,
            "key value must be scalar, not array, composite, or json",
        ));
    }
    match data_type.oid {
        16 => out.push_str(if *value == Value::Integer(0) { "\"false\"" } else { "\"true\"" }),
        1082 | 1114 | 1184 => write_string(&moment_of(data_type, value, style)?, out),
        _ => write_string(&text_of(data_type, value, style)?, out),
    }
    Ok(())
}
