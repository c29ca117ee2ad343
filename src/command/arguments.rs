//! What was given on a command's line, read by the parser that all commands share. These commands
//! have some flags of one letter, too.

use std::time::Duration;

use crate::config::{Flag, Form, Parsed, Stop, Syntax};

/// Flags of one letter, as other shells have them, and what they stand for.
const SHORT: [(&str, &str); 12] = [
    ("H", "host"),
    ("p", "port"),
    ("s", "scheme"),
    ("P", "prefix"),
    ("a", "alternatives"),
    ("u", "user"),
    ("t", "http-timeout"),
    ("c", "ca-cert"),
    ("i", "insecure"),
    ("d", "client-cert"),
    ("k", "client-key"),
    ("v", "version"),
];

/// A flag with a value and no default.
pub(crate) const fn valued(name: &'static str, value: &'static str, help: &'static str) -> Flag {
    Flag { name, form: Form::Text(value), default: "", help }
}

/// A command's line.
#[derive(Debug)]
pub(crate) struct Arguments {
    syntax: &'static Syntax,
    parsed: Parsed,
}

impl Arguments {
    pub(crate) fn parse(syntax: &'static Syntax, arguments: &[String]) -> Result<Self, Stop> {
        let arguments: Vec<String> = arguments.iter().map(|argument| long(argument)).collect();
        Ok(Self { syntax, parsed: syntax.parse(&arguments)? })
    }

    /// A flag's value, if it was given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parsed.given(name)
    }

    pub(crate) fn is_on(&self, switch: &str) -> bool {
        self.parsed.switch(self.syntax, switch)
    }

    pub(crate) fn duration(&self, name: &str) -> Duration {
        self.parsed.duration(self.syntax, name)
    }

    pub(crate) fn operands(&self) -> &[String] {
        &self.parsed.operands
    }
}

/// A flag of one letter by its long name; anything else as it is.
fn long(argument: &str) -> String {
    let flag = argument.strip_prefix('-').unwrap_or_default();
    let (name, value) =
        flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    match (SHORT.iter().find(|(short, _)| *short == name), value) {
        (Some((_, long)), Some(value)) => format!("--{long}={value}"),
        (Some((_, long)), None) => format!("--{long}"),
        (None, _) => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax = Syntax {
        usage: "eider try [OPTIONS]",
        about: "Tries.",
        groups: &[(
            "Things",
            &[valued("port", "PORT", "A port."), valued("host", "HOST", "A host.")],
        )],
        unsupported: &[],
        operands: &[],
        more_operands: false,
    };

    #[test]
    fn letters_stand_for_names() {
        for line in ["-p 1 -H h", "-p=1 -H=h", "--port 1 -host h"] {
            let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let arguments = Arguments::parse(&SYNTAX, &line).unwrap();
            assert_eq!((arguments.get("port"), arguments.get("host")), (Some("1"), Some("h")));
        }
        assert_eq!(long("p"), "p");
        assert_eq!(long("-"), "-");
        assert_eq!(long("-pp"), "-pp");
    }
}
