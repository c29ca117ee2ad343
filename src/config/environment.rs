//! Variables of the environment in files of configuration.

use std::collections::HashMap;
use std::hash::BuildHasher;

use serde_json::Value;

/// `$NAME` and `${NAME}` in texts, by the environment.
///
/// # Errors
/// A text for the operator.
pub fn expand<S: BuildHasher>(
    value: &mut Value,
    environment: &HashMap<String, String, S>,
) -> Result<(), String> {
    match value {
        Value::String(text) => *text = expanded(text, environment)?,
        Value::Array(values) => values.iter_mut().try_for_each(|v| expand(v, environment))?,
        Value::Object(values) => values.values_mut().try_for_each(|v| expand(v, environment))?,
        _ => {}
    }
    Ok(())
}

fn expanded<S: BuildHasher>(
    text: &str,
    environment: &HashMap<String, String, S>,
) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, left) = match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
            Some(named) => named,
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        let value = environment.get(name);
        out.push_str(value.ok_or_else(|| format!("the environment has no variable '{name}'"))?);
        rest = left;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_stand_in_texts_at_any_depth() {
        let environment = HashMap::from([("A".to_owned(), "1".to_owned())]);
        let mut value = serde_json::json!({"a": ["$A-${A}", 2], "b": {"c": "$A"}});
        expand(&mut value, &environment).unwrap();
        assert_eq!(value, serde_json::json!({"a": ["1-1", 2], "b": {"c": "1"}}));
        let error = expand(&mut serde_json::json!("$B"), &environment).unwrap_err();
        assert_eq!(error, "the environment has no variable 'B'");
    }
}
