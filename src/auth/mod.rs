//! Who may do what: the users of the file that `-auth` names, for both protocols. The only home of
//! cryptography for passwords.
//!
//! The file is rqlite's: a JSON array of users with name, password and permissions. A password may stand
//! there as such, or as the verifier that PostgreSQL keeps in `pg_authid` (`SCRAM-SHA-256$...`), from which
//! it can't be told. Here there are verifiers only. The user `*` stands for everybody, known or not: for
//! what it is permitted nobody is asked for a password.
//!
//! Invariant: how long a check takes, and what it answers, doesn't tell whether a user exists.

mod file;
mod permission;
mod scram;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

pub use self::permission::{Permission, Permissions};
use self::scram::Verifier;
pub use self::scram::{Exchange, Rejected};
use crate::platform::random;

/// All users.
#[derive(Debug)]
pub struct Users {
    users: HashMap<String, User>,
    everybody: Permissions,
    /// Makes salts for users that don't exist: the same each time.
    decoy: [u8; 32],
}

#[derive(Debug)]
struct User {
    verifier: Verifier,
    permissions: Permissions,
    /// A digest of the password that was right last: a check by it is quick.
    proved: Mutex<Option<[u8; 32]>>,
}

impl Users {
    /// Reads the text of a file of users.
    ///
    /// # Errors
    /// A text for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut users = HashMap::new();
        let mut everybody = Permissions::default();
        for entry in file::parse(text)? {
            if entry.name == "*" {
                everybody = everybody.and(entry.permissions);
                continue;
            }
            let password =
                entry.password.ok_or_else(|| format!("user {:?} has no password", entry.name))?;
            let user = User {
                verifier: password.verifier(),
                permissions: entry.permissions,
                proved: Mutex::new(None),
            };
            if users.insert(entry.name.clone(), user).is_some() {
                return Err(format!("user {:?} is there twice", entry.name));
            }
        }
        Ok(Self { users, everybody, decoy: random::bytes() })
    }

    /// The password of a user in the text of a file of users, for saying it to somebody else.
    ///
    /// # Errors
    /// A text for the operator: there is no such user, or only the verifier.
    pub fn password(text: &str, name: &str) -> Result<String, String> {
        let entry = file::parse(text)?.into_iter().find(|entry| entry.name == name);
        match entry.and_then(|entry| entry.password) {
            Some(file::Password::Plain(password)) => Ok(password),
            Some(file::Password::Verifier(_)) => {
                Err(format!("user {name:?} has a verifier there, and no password"))
            }
            None => Err(format!("there is no user {name:?} with a password")),
        }
    }

    /// Whether nobody needs to say who they are for this.
    pub fn is_open(&self, wanted: Permissions) -> bool {
        self.everybody.has(wanted)
    }

    /// Whether a user with this password may do something. Takes some milliseconds if the password is
    /// another one than the last that was right.
    pub fn may(&self, name: &str, password: &str, wanted: Permissions) -> bool {
        if self.is_open(wanted) {
            return true;
        }
        let Some(user) = self.users.get(name) else {
            // As long as it would take with a user.
            scram::decoy(&self.decoy, name).is_password(password);
            return false;
        };
        user.is_password(password) && self.everybody.and(user.permissions).has(wanted)
    }

    /// Whether a user whose password was proved may do something.
    pub fn is_permitted(&self, name: &str, wanted: Permissions) -> bool {
        let own = self.users.get(name).map_or_else(Permissions::default, |user| user.permissions);
        self.everybody.and(own).has(wanted)
    }

    /// Begins a SCRAM exchange with somebody who claims to be this user.
    pub fn exchange(&self, name: &str) -> Exchange {
        match self.users.get(name) {
            Some(user) => Exchange::new(user.verifier.clone(), true),
            None => Exchange::new(scram::decoy(&self.decoy, name), false),
        }
    }
}

impl User {
    fn is_password(&self, password: &str) -> bool {
        let digest = self.verifier.digest(password);
        let mut proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        if proved.is_some_and(|proved| scram::is_same(&proved, &digest)) {
            return true;
        }
        drop(proved);
        if !self.verifier.is_password(password) {
            return false;
        }
        proved = self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        *proved = Some(digest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users() -> Users {
        Users::parse(
            r#"[{"username":"bob","password":"secret1","perms":["all"]},
                {"username":"mary","password":"secret2","perms":["query","status"]},
                {"username":"*","perms":["ready"]}]"#,
        )
        .unwrap()
    }

    #[test]
    fn a_password_and_a_permission_are_both_needed() {
        let users = users();
        let (query, execute) = (Permission::Query.into(), Permission::Execute.into());
        let both = Permission::Query.and(Permission::Execute);
        for _ in 0..2 {
            assert!(users.may("bob", "secret1", both));
            assert!(!users.may("bob", "secret2", query));
            assert!(users.may("mary", "secret2", query));
            assert!(!users.may("mary", "secret2", execute));
            assert!(!users.may("mary", "secret2", both));
            assert!(!users.may("nobody", "secret2", query));
            assert!(!users.may("", "", query));
            assert!(!users.may("*", "", query));
        }
        assert!(users.is_open(Permission::Ready.into()) && !users.is_open(query));
        assert!(users.may("nobody", "", Permission::Ready.into()));
        assert!(users.may("mary", "wrong", Permission::Ready.into()));
        assert!(users.is_permitted("mary", query) && !users.is_permitted("mary", execute));
        assert!(!users.is_permitted("nobody", query));
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        for (text, why) in [
            ("{}", "an array of users is expected"),
            ("[1]", "a user is an object"),
            (r#"[{"password":"x","perms":[]}]"#, "a user has no \"username\""),
            (r#"[{"username":"a","perms":["all"]}]"#, "user \"a\" has no password"),
            (r#"[{"username":"a","password":"x","perms":["everything"]}]"#, "\"everything\""),
            (r#"[{"username":"a","password":"SCRAM-SHA-256$x","perms":[]}]"#, "verifier"),
            (
                r#"[{"username":"a","password":"x","perms":[]},{"username":"a","password":"y"}]"#,
                "twice",
            ),
            (r#"[{"username":"a","password":"x","permissions":["all"]}]"#, "\"permissions\""),
        ] {
            let error = Users::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
