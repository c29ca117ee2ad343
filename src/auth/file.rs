//! The file of users.

use serde_json::Value as Json;

use super::permission::Permissions;
use super::scram::Verifier;

/// A user as the file has it.
pub(super) struct Entry {
    pub name: String,
    pub password: Option<Password>,
    pub permissions: Permissions,
}

/// A password as the file has it.
pub(super) enum Password {
    Plain(String),
    Verifier(Verifier),
}

impl Password {
    pub(super) fn verifier(self) -> Verifier {
        match self {
            Self::Plain(password) => Verifier::of(&password),
            Self::Verifier(verifier) => verifier,
        }
    }
}

/// # Errors
/// A text for the operator.
pub(super) fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let document: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let Json::Array(users) = document else {
        return Err("an array of users is expected".to_owned());
    };
    users.into_iter().map(entry).collect()
}

fn entry(user: Json) -> Result<Entry, String> {
    let Json::Object(fields) = user else { return Err("a user is an object".to_owned()) };
    let Some(name) = fields.get("username").and_then(Json::as_str) else {
        return Err("a user has no \"username\"".to_owned());
    };
    let known = ["username", "password", "perms"];
    if let Some(other) = fields.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("user {name:?}: {other:?} means nothing here"));
    }
    let password = match fields.get("password") {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(password(name, text)?),
        Some(_) => return Err(format!("user {name:?}: the password must be a string")),
    };
    let mut permissions = Permissions::default();
    let listed = match fields.get("perms") {
        None => &Vec::new(),
        Some(Json::Array(listed)) => listed,
        Some(_) => return Err(format!("user {name:?}: \"perms\" must be an array")),
    };
    for listed in listed {
        let known = listed.as_str().and_then(Permissions::named);
        let known = known.ok_or_else(|| format!("user {name:?}: {listed} is no permission"))?;
        permissions = permissions.and(known);
    }
    Ok(Entry { name: name.to_owned(), password, permissions })
}

fn password(name: &str, text: &str) -> Result<Password, String> {
    if text.starts_with("SCRAM-SHA-256$") {
        let parsed = Verifier::parse(text).map(Password::Verifier);
        return parsed.ok_or_else(|| format!("user {name:?}: the verifier can't be read"));
    }
    Ok(Password::Plain(text.to_owned()))
}
