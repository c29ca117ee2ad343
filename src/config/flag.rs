//! Command lines: one table of flags for each command, one parser for all of them, and `--help`
//! made from the same table.
//!
//! Flags may have one dash or two, stand before or after the operand, and take their value after
//! `=` or as the next argument. A switch is turned off with `=false`. An unknown flag is refused.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use crate::config::duration::parse_duration;

/// What a flag's value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `-flag`, `-flag=true`, `-flag=false`.
    Switch,
    /// Any text; the name is for the help, as in `NAME`.
    Text(&'static str),
    /// A whole number from 0.
    Count,
    /// A number of bytes; `KiB`, `MiB`, `GiB` or `KB`, `MB`, `GB` may follow.
    Bytes,
    /// Go's syntax: `1.5s`.
    Duration,
}

/// One flag of a command.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// Without dashes.
    pub name: &'static str,
    pub form: Form,
    /// As it would be written; empty for none.
    pub default: &'static str,
    /// One or more lines.
    pub help: &'static str,
}

/// A heading and the flags under it.
pub type Group = (&'static str, &'static [Flag]);

/// One command's line.
#[derive(Debug, Clone, Copy)]
pub struct Syntax {
    /// As in `eider serve [OPTIONS] DATA_DIR`.
    pub usage: &'static str,
    /// What the command does, and perhaps examples. Ends without a newline.
    pub about: &'static str,
    pub groups: &'static [Group],
    /// Flags that other programs of this kind have, and that are refused by name, each with what there is
    /// instead.
    pub unsupported: &'static [(&'static str, &'static str)],
    /// The names of the operands, all of which must be given.
    pub operands: &'static [&'static str],
    /// Whether more operands than those may follow.
    pub more_operands: bool,
}

/// A command line that has been read.
#[derive(Debug, Clone, Default)]
pub struct Parsed {
    values: HashMap<&'static str, String>,
    /// What stood without a flag, in order.
    pub operands: Vec<String>,
}

/// Why there is nothing to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Asked for: print it and exit with 0.
    Print(String),
    /// The command line is wrong: print it as an error and exit with 1.
    Wrong(String),
}

impl Syntax {
    fn flag(&self, name: &str) -> Option<&'static Flag> {
        let mut flags = self.groups.iter().flat_map(|(_, flags)| flags.iter());
        flags.find(|flag| flag.name == name)
    }

    /// The command's own name: `serve`.
    fn command(&self) -> String {
        self.usage.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    fn wrong(&self, what: &str) -> Stop {
        Stop::Wrong(format!("{what}\nTry '{} -help'.", self.command()))
    }

    /// Reads the arguments after the command's name.
    pub fn parse(&self, arguments: &[String]) -> Result<Parsed, Stop> {
        let mut parsed = Parsed::default();
        let mut arguments = arguments.iter();
        let mut only_operands = false;
        while let Some(argument) = arguments.next() {
            let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'));
            match name {
                Some("") if argument == "--" => only_operands = true,
                Some(name) if !only_operands && !name.is_empty() => {
                    self.take_flag(name, &mut arguments, &mut parsed)?;
                }
                _ => parsed.operands.push(argument.clone()),
            }
        }
        if let Some(missing) = self.operands.get(parsed.operands.len()) {
            return Err(self.wrong(&format!("{missing} is missing: {}", self.usage)));
        }
        if let Some(extra) = parsed.operands.get(self.operands.len())
            && !self.more_operands
        {
            return Err(self.wrong(&format!("'{extra}' is one argument too many: {}", self.usage)));
        }
        Ok(parsed)
    }

    fn take_flag<'a>(
        &self,
        argument: &str,
        rest: &mut impl Iterator<Item = &'a String>,
        parsed: &mut Parsed,
    ) -> Result<(), Stop> {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument, None),
        };
        if matches!(name, "help" | "h") {
            return Err(Stop::Print(self.help()));
        }
        if name == "version" {
            return Err(Stop::Print(version()));
        }
        let Some(flag) = self.flag(name) else {
            let refused = self.unsupported.iter().find(|(known, _)| *known == name);
            let what = match (refused, self.closest(name)) {
                (Some((_, instead)), _) => format!("-{name} is not supported: {instead}"),
                (None, Some(near)) => format!("unknown flag -{name}; did you mean -{near}?"),
                (None, None) => format!("unknown flag -{name}"),
            };
            return Err(self.wrong(&what));
        };
        let value = match (flag.form, value) {
            (_, Some(value)) => value,
            (Form::Switch, None) => "true".to_owned(),
            (_, None) => match rest.next() {
                Some(value) => value.clone(),
                None => return Err(self.wrong(&format!("-{name} needs a value"))),
            },
        };
        check(flag, &value).map_err(|what| self.wrong(&what))?;
        if parsed.values.insert(flag.name, value).is_some() {
            return Err(self.wrong(&format!("-{name} is given twice")));
        }
        Ok(())
    }

    /// A flag that was probably meant.
    fn closest(&self, name: &str) -> Option<&'static str> {
        let flags = self.groups.iter().flat_map(|(_, flags)| flags.iter());
        let (distance, near) = flags.map(|flag| (distance(name, flag.name), flag.name)).min()?;
        (distance <= 2).then_some(near)
    }

    /// What `-help` prints.
    pub fn help(&self) -> String {
        let mut text = format!("Usage: {}\n\n{}\n", self.usage, self.about);
        for (heading, flags) in self.groups {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{heading}\n");
            for flag in *flags {
                describe(flag, &mut text);
            }
        }
        text.push_str(
            "\nOther\n  -help\n        Print this.\n  -version\n        Print the version.\n",
        );
        text
    }
}

/// What `-version` prints.
pub fn version() -> String {
    format!("eider {}\n", env!("CARGO_PKG_VERSION"))
}

fn describe(flag: &Flag, text: &mut String) {
    let value = match flag.form {
        Form::Switch => "",
        Form::Text(name) => name,
        Form::Count => "N",
        Form::Bytes => "BYTES",
        Form::Duration => "DURATION",
    };
    let _ = write!(text, "  -{} {value}", flag.name);
    text.truncate(text.trim_end().len());
    if !flag.default.is_empty() {
        let _ = write!(text, "  (default {})", flag.default);
    }
    text.push('\n');
    for line in flag.help.lines() {
        let _ = writeln!(text, "        {line}");
    }
}

fn check(flag: &Flag, value: &str) -> Result<(), String> {
    let (fine, wanted) = match flag.form {
        Form::Switch => (switch(value).is_some(), "true or false"),
        Form::Text(_) => (true, ""),
        Form::Count => (value.parse::<u64>().is_ok(), "a whole number"),
        Form::Bytes => (bytes(value).is_some(), "a number of bytes, such as 4194304 or 4MiB"),
        Form::Duration => {
            (parse_duration(value).is_some(), "a duration, such as 500ms, 1.5s or 2m30s")
        }
    };
    if fine { Ok(()) } else { Err(format!("-{}: '{value}' is not {wanted}", flag.name)) }
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "true" | "1" | "t" | "T" | "TRUE" | "True" => Some(true),
        "false" | "0" | "f" | "F" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn bytes(value: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
    ];
    let (number, unit) = UNITS
        .into_iter()
        .find_map(|(suffix, unit)| Some((value.strip_suffix(suffix)?, unit)))
        .unwrap_or((value, 1));
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl Parsed {
    /// A flag's value, its default, or `None` if it has neither.
    pub fn text(&self, syntax: &Syntax, name: &str) -> Option<String> {
        let flag = syntax.flag(name)?;
        self.given(flag.name)
            .map(str::to_owned)
            .or_else(|| (!flag.default.is_empty()).then(|| flag.default.to_owned()))
    }

    /// A flag's value if it stands on the command line.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether a switch is on.
    pub fn switch(&self, syntax: &Syntax, name: &str) -> bool {
        self.text(syntax, name).and_then(|value| switch(&value)).unwrap_or(false)
    }

    /// A number; 0 if there is neither value nor default.
    pub fn count(&self, syntax: &Syntax, name: &str) -> u64 {
        self.text(syntax, name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// A number of bytes; 0 if there is neither value nor default.
    pub fn bytes(&self, syntax: &Syntax, name: &str) -> u64 {
        self.text(syntax, name).and_then(|value| bytes(&value)).unwrap_or(0)
    }

    /// A duration; zero if there is neither value nor default.
    pub fn duration(&self, syntax: &Syntax, name: &str) -> Duration {
        self.text(syntax, name).and_then(|value| parse_duration(&value)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNTAX: Syntax = Syntax {
        usage: "eider try [OPTIONS] PLACE",
        about: "Tries.",
        groups: &[(
            "Things",
            &[
                Flag { name: "name", form: Form::Text("NAME"), default: "", help: "Its name." },
                Flag { name: "fast", form: Form::Switch, default: "true", help: "Hurry." },
                Flag { name: "size", form: Form::Bytes, default: "4MiB", help: "How\nlarge." },
                Flag { name: "wait", form: Form::Duration, default: "3s", help: "Patience." },
                Flag { name: "times", form: Form::Count, default: "5", help: "Attempts." },
            ],
        )],
        unsupported: &[("someday", "do it today")],
        operands: &["PLACE"],
        more_operands: false,
    };

    fn parse(line: &str) -> Result<Parsed, Stop> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        SYNTAX.parse(&arguments)
    }

    fn wrong(line: &str) -> String {
        match parse(line) {
            Err(Stop::Wrong(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_way_to_write_a_flag_is_read() {
        for line in [
            "-name a -fast=false -size 1KiB -wait=2m -times 7 here",
            "here --name=a --fast=0 --size=1024 --wait 120s --times=7",
            "--name a here -fast=F -size=1024 -wait 2m0s -times=7",
        ] {
            let parsed = parse(line).unwrap();
            assert_eq!(parsed.operands, ["here"], "{line}");
            assert_eq!(parsed.text(&SYNTAX, "name").as_deref(), Some("a"));
            assert!(!parsed.switch(&SYNTAX, "fast"));
            assert_eq!(parsed.bytes(&SYNTAX, "size"), 1024);
            assert_eq!(parsed.duration(&SYNTAX, "wait"), Duration::from_mins(2));
            assert_eq!(parsed.count(&SYNTAX, "times"), 7);
        }
        let parsed = parse("-- -odd-").unwrap();
        assert_eq!(parsed.operands, ["-odd-"]);
        assert_eq!(parsed.text(&SYNTAX, "name"), None);
        assert!(parsed.switch(&SYNTAX, "fast"));
        assert_eq!(parsed.bytes(&SYNTAX, "size"), 4 << 20);
        assert_eq!(parsed.duration(&SYNTAX, "wait"), Duration::from_secs(3));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("here -nam a", "did you mean -name?"),
            ("here -colour red", "unknown flag -colour"),
            ("here -someday x", "-someday is not supported: do it today"),
            ("here -times many", "'many' is not a whole number"),
            ("here -wait 3", "'3' is not a duration"),
            ("here -fast=maybe", "'maybe' is not true or false"),
            ("here -size 4M", "'4M' is not a number of bytes"),
            ("here -name", "-name needs a value"),
            ("here -name a -name b", "-name is given twice"),
            ("here there", "'there' is one argument too many"),
            ("-name a", "PLACE is missing"),
        ] {
            let text = wrong(line);
            assert!(text.contains(part) && text.ends_with("Try 'eider try -help'."), "{text}");
        }
    }

    #[test]
    fn help_and_version_win() {
        let Err(Stop::Print(help)) = parse("-fast --help") else { panic!("no help") };
        assert!(help.contains("  -size BYTES  (default 4MiB)\n        How\n        large.\n"));
        assert!(help.contains("  -fast  (default true)\n"), "{help}");
        assert_eq!(parse("-version").unwrap_err(), Stop::Print(version()));
    }
}
