//! PostgreSQL's regular expressions (manual, "Pattern Matching"): its syntax, its rules of which match
//! is found, and the patterns of SIMILAR TO.
//!
//! Finding a match takes time proportional to text times pattern at the worst. What can't be done so
//! is refused: lookaround and back references. Classes and case folding are Unicode's.

mod bracket;
mod dissect;
mod engine;
mod parse;
pub mod replace;
mod similar;
mod syntax;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

pub use similar::similar_to_regex;

use crate::datum::regex::dissect::{Dissection, Groups, Plan};
use crate::datum::regex::engine::{Finder, Matcher};
use crate::datum::regex::syntax::{Node, Preference};
use crate::model::error::{Error, SqlState};

/// How a pattern is read and applied.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Flags {
    /// `i`
    pub fold: bool,
    /// `g`, which only some functions take.
    pub global: bool,
    newline_stops: bool,
    newline_anchors: bool,
    expanded: bool,
    literal: bool,
    no_captures: bool,
}

impl Flags {
    /// Reads a function's argument of flags.
    ///
    /// # Errors
    /// 22023 for an unknown one.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut flags = Self::default();
        for option in text.chars() {
            if !flags.set(option)? {
                return Err(Error::user(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid regular expression option: \"{option}\""),
                ));
            }
        }
        Ok(flags)
    }

    /// Case-insensitive, as `~*`.
    pub fn folded() -> Self {
        Self { fold: true, ..Self::default() }
    }

    /// Takes one option; `false` if there is none of this name.
    fn set(&mut self, option: char) -> Result<bool, Error> {
        match option {
            'g' => self.global = true,
            'i' => self.fold = true,
            'c' => self.fold = false,
            'm' | 'n' => (self.newline_stops, self.newline_anchors) = (true, true),
            'p' => (self.newline_stops, self.newline_anchors) = (true, false),
            's' => (self.newline_stops, self.newline_anchors) = (false, false),
            'w' => (self.newline_stops, self.newline_anchors) = (false, true),
            'q' => self.literal = true,
            't' => self.expanded = false,
            'x' => self.expanded = true,
            'b' | 'e' => {
                return Err(Error::refused(
                    "basic and extended regular expressions (options b and e) are not supported",
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A compiled regular expression.
#[derive(Debug)]
pub struct Regex {
    finder: Finder,
    /// `None`: the engine's own choice among matches is PostgreSQL's too.
    matcher: Option<Matcher>,
    longest: bool,
    plan: Plan,
    groups: usize,
}

/// Compiled expressions that a thread keeps.
const KEPT_MAX: usize = 64;

thread_local! {
    static KEPT: RefCell<HashMap<(String, Flags), Rc<Regex>>> = RefCell::default();
}

impl Regex {
    /// Compiles a pattern, or finds it among those that this thread has compiled before.
    ///
    /// # Errors
    /// 2201B for a bad pattern; 0A000 for what is not supported.
    pub fn get(pattern: &str, flags: &Flags) -> Result<Rc<Self>, Error> {
        let key = (pattern.to_owned(), flags.clone());
        if let Some(known) = KEPT.with_borrow(|kept| kept.get(&key).cloned()) {
            return Ok(known);
        }
        let regex = Rc::new(Self::new(pattern, flags)?);
        KEPT.with_borrow_mut(|kept| {
            if kept.len() >= KEPT_MAX {
                kept.clear();
            }
            kept.insert(key, regex.clone());
        });
        Ok(regex)
    }

    fn new(pattern: &str, flags: &Flags) -> Result<Self, Error> {
        let mut flags = flags.clone();
        let (node, groups) = parse::parse(pattern, &mut flags)?;
        let groups = if flags.no_captures { 0 } else { groups };
        let fold = flags.fold;
        let longest = node.preference() != Some(Preference::Shorter);
        Ok(Self {
            finder: Finder::new(&node, fold)?,
            matcher: if is_plain(&node) { None } else { Some(Matcher::new(&node, fold)?) },
            longest,
            plan: Plan::new(&node, fold)?,
            groups,
        })
    }

    /// How many groups capture.
    pub fn groups(&self) -> usize {
        self.groups
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.finder.is_match(text)
    }

    /// The extent of the first match that begins at or after the byte `start`.
    pub fn find(&self, text: &str, start: usize) -> Option<(usize, usize)> {
        let (from, to) = self.finder.find(text, start)?;
        match &self.matcher {
            None => Some((from, to)),
            Some(matcher) => {
                let end = matcher.end(text, from, text.len(), self.longest);
                Some((from, end.unwrap_or(to)))
            }
        }
    }

    /// The first match at or after `start`, with its groups; the first one is the whole match.
    ///
    /// # Errors
    /// 54000 if the match is too complex to be cut into groups.
    pub fn captures(&self, text: &str, start: usize) -> Result<Option<Groups>, Error> {
        let Some((from, to)) = self.find(text, start) else { return Ok(None) };
        let mut dissection = Dissection::new(text, self.groups);
        if self.groups > 0 && !dissection.run(&self.plan, from, to)? {
            return Err(Error::internal("a match can be cut into its groups"));
        }
        dissection.groups[0] = Some((from, to));
        Ok(Some(dissection.groups))
    }
}

/// Whether Perl's rules give the longest match: one part of variable length at the most, and that a
/// greedy one of a single character.
fn is_plain(node: &Node) -> bool {
    fn count(node: &Node, variable: &mut usize) -> bool {
        match node {
            Node::Empty | Node::Literal(_) | Node::Class(_) | Node::Constraint(_) => true,
            Node::Capture(_, inner) => count(inner, variable),
            Node::Repeat { node, min, max, greedy } => {
                if *max != Some(*min) {
                    *variable += 1;
                }
                *greedy && matches!(**node, Node::Literal(_) | Node::Class(_))
            }
            Node::Concat(items) => items.iter().all(|item| count(item, variable)),
            Node::Alternate(_) => false,
        }
    }
    let mut variable = 0;
    count(node, &mut variable) && variable <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(pattern: &str, text: &str) -> Vec<Option<String>> {
        let regex = Regex::get(pattern, &Flags::default()).unwrap();
        let found = regex.captures(text, 0).unwrap().expect("a match");
        found.iter().map(|group| group.map(|(from, to)| text[from..to].to_owned())).collect()
    }

    #[test]
    fn the_longest_match_is_found_and_cut_from_the_left() {
        // Each is what regexp_match in PostgreSQL 15 gives, the whole match in front.
        for (pattern, text, expected) in [
            ("(a|ab)(c|bcd)(d*)", "abcd", vec!["abcd", "ab", "c", "d"]),
            ("a?(ab)?", "ab", vec!["ab", "ab"]),
            ("X(Y*?)(Z*)", "XYZZ", vec!["X", "", ""]),
            ("(Y*?)Z", "YYZ", vec!["YYZ", "YY"]),
            ("(?:(?:.*)(\\d{1,3}))", "ABC1234", vec!["ABC1234", "4"]),
            ("(a|b)*", "abba", vec!["abba", "a"]),
            (
                "(\\w+)@(\\w+)\\.com",
                "mail bob@example.com now",
                vec!["bob@example.com", "bob", "example"],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|one| Some(one.to_owned())).collect();
            assert_eq!(groups(pattern, text), expected, "{pattern}");
        }
        assert_eq!(groups("(a)|(b)", "b")[1], None);
    }

    #[test]
    fn bad_patterns_are_2201b_with_postgresqls_words() {
        for (pattern, message) in [
            ("a(", "parentheses () not balanced"),
            ("a)", "parentheses () not balanced"),
            ("[a", "brackets [] not balanced"),
            ("*a", "quantifier operand invalid"),
            ("a{2,1}", "invalid repetition count(s)"),
            ("[[:foo:]]", "invalid character class"),
            ("[b-a]", "invalid character range"),
        ] {
            let error = Regex::get(pattern, &Flags::default()).unwrap_err();
            assert_eq!(error.state().as_str(), "2201B");
            assert_eq!(error.message(), format!("invalid regular expression: {message}"));
        }
    }

    #[test]
    fn hostile_patterns_end_in_time() {
        let text = "a".repeat(5000);
        let regex = Regex::get("(a*)*(a*)*b", &Flags::default()).unwrap();
        assert!(!regex.is_match(&text));
        assert!(Regex::get("((((a{255}){255}){255}){255})", &Flags::default()).is_err());
    }
}
