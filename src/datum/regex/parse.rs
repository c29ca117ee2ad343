//! PostgreSQL's advanced regular expressions (manual, "POSIX Regular Expressions"), read into a tree.
//!
//! What the engine can't do is refused: lookaround and back references.

use crate::datum::regex::Flags;
use crate::datum::regex::bracket;
use crate::datum::regex::syntax::{Class, Constraint, Node};
use crate::model::error::{Error, SqlState};

/// `DUPMAX`: repetitions that can be written.
const REPEAT_MAX: u32 = 255;
/// Nesting at the most, so that a hostile pattern can't exhaust the stack.
const DEPTH_MAX: usize = 200;

/// 2201B, with one of the regular expression library's texts.
pub(super) fn invalid(what: &str) -> Error {
    Error::user(SqlState(*b"2201B"), format!("invalid regular expression: {what}"))
}

pub(super) struct Parser<'a> {
    pub(super) rest: std::iter::Peekable<std::vec::IntoIter<char>>,
    pub(super) flags: &'a Flags,
    groups: usize,
}

/// The tree of a pattern, and how many groups it has.
pub(super) fn parse(pattern: &str, flags: &mut Flags) -> Result<(Node, usize), Error> {
    let mut characters: Vec<char> = pattern.chars().collect();
    let literal = directors(&mut characters, flags)?;
    if literal || flags.literal {
        let items = characters.into_iter().map(Node::Literal).collect();
        return Ok((Node::Concat(items), 0));
    }
    let mut parser = Parser { rest: characters.into_iter().peekable(), flags, groups: 0 };
    let node = parser.alternatives(0)?;
    match parser.rest.next() {
        None => Ok((node, parser.groups)),
        Some(_) => Err(invalid("parentheses () not balanced")),
    }
}

/// Takes `***:`, `***=` and `(?xyz)` off the front; says whether the rest is a literal.
fn directors(characters: &mut Vec<char>, flags: &mut Flags) -> Result<bool, Error> {
    if characters.starts_with(&['*', '*', '*']) {
        match characters.get(3) {
            Some('=') => {
                characters.drain(..4);
                return Ok(true);
            }
            Some(':') => {
                characters.drain(..4);
            }
            _ => return Err(invalid("quantifier operand invalid")),
        }
    }
    if characters.starts_with(&['(', '?']) && characters.get(2).is_some_and(|c| c.is_alphabetic()) {
        let end = characters.iter().position(|c| *c == ')');
        let end = end.ok_or_else(|| invalid("invalid embedded option"))?;
        for &option in &characters[2..end] {
            if option == 'g' || !flags.set(option)? {
                return Err(invalid("invalid embedded option"));
            }
        }
        characters.drain(..=end);
    }
    Ok(false)
}

impl Parser<'_> {
    pub(super) fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        self.rest.next_if_eq(&wanted).is_some()
    }

    /// In expanded syntax, blanks and comments mean nothing.
    fn skip_blanks(&mut self) {
        if !self.flags.expanded {
            return;
        }
        loop {
            match self.peek() {
                Some('#') => while self.rest.next().is_some_and(|c| c != '\n') {},
                Some(c) if c.is_whitespace() => {
                    self.rest.next();
                }
                _ => return,
            }
        }
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node, Error> {
        if depth > DEPTH_MAX {
            return Err(invalid("regular expression is too complex"));
        }
        let mut branches = vec![self.branch(depth)?];
        while self.take('|') {
            branches.push(self.branch(depth)?);
        }
        if branches.len() == 1 {
            return Ok(branches.remove(0));
        }
        Ok(Node::Alternate(branches))
    }

    fn branch(&mut self, depth: usize) -> Result<Node, Error> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some('|' | ')') => break,
                Some(_) => {}
            }
            // A comment is no atom.
            let Some(atom) = self.atom(depth)? else { continue };
            items.push(self.quantified(atom)?);
        }
        Ok(match items.len() {
            0 => Node::Empty,
            1 => items.remove(0),
            _ => Node::Concat(items),
        })
    }

    fn atom(&mut self, depth: usize) -> Result<Option<Node>, Error> {
        let Some(c) = self.rest.next() else {
            return Err(Error::internal("an atom begins with a character"));
        };
        Ok(Some(match c {
            '(' => return self.group(depth),
            '[' => bracket::read(self)?,
            '.' => {
                let ranges = if self.flags.newline_stops { vec![('\n', '\n')] } else { vec![] };
                Node::Class(Class { ranges, named: vec![], negated: true })
            }
            '^' if self.flags.newline_anchors => Node::Constraint(Constraint::LineStart),
            '^' => Node::Constraint(Constraint::TextStart),
            '$' if self.flags.newline_anchors => Node::Constraint(Constraint::LineEnd),
            '$' => Node::Constraint(Constraint::TextEnd),
            '*' | '+' | '?' => return Err(invalid("quantifier operand invalid")),
            '{' if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                return Err(invalid("quantifier operand invalid"));
            }
            '\\' => self.escape()?,
            literal => self.literal(literal),
        }))
    }

    /// A character, or both of its cases.
    pub(super) fn literal(&self, c: char) -> Node {
        if self.flags.fold && c.is_alphabetic() {
            return Node::Class(Class { ranges: vec![(c, c)], ..Class::default() });
        }
        Node::Literal(c)
    }

    /// What follows `(`. `None` for a comment.
    fn group(&mut self, depth: usize) -> Result<Option<Node>, Error> {
        if !self.take('?') {
            self.groups += 1;
            let number = self.groups;
            let inner = if self.flags.no_captures {
                self.closed(depth)?
            } else {
                Node::Capture(number, Box::new(self.closed(depth)?))
            };
            return Ok(Some(inner));
        }
        match self.rest.next() {
            Some(':') => self.closed(depth).map(Some),
            Some('#') => {
                while self.rest.next().ok_or_else(|| invalid("parentheses () not balanced"))? != ')'
                {
                }
                Ok(None)
            }
            Some('=' | '!') => Err(Error::refused(
                "lookahead constraints in regular expressions are not supported",
            )),
            Some('<') => Err(Error::refused(
                "lookbehind constraints in regular expressions are not supported",
            )),
            _ => Err(invalid("quantifier operand invalid")),
        }
    }

    fn closed(&mut self, depth: usize) -> Result<Node, Error> {
        let inner = self.alternatives(depth + 1)?;
        if !self.take(')') {
            return Err(invalid("parentheses () not balanced"));
        }
        Ok(inner)
    }

    fn quantified(&mut self, atom: Node) -> Result<Node, Error> {
        self.skip_blanks();
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.counted(atom),
            _ => return Ok(atom),
        };
        self.rest.next();
        let greedy = !self.take('?');
        self.repeated(atom, (min, max), Some(greedy))
    }

    /// `{m}`, `{m,}`, `{m,n}`; a brace without a digit is itself.
    fn counted(&mut self, atom: Node) -> Result<Node, Error> {
        let mut ahead = self.rest.clone();
        ahead.next();
        if !ahead.peek().is_some_and(char::is_ascii_digit) {
            return Ok(atom);
        }
        self.rest.next();
        let min = self.number()?;
        let max = if self.take(',') {
            if self.peek() == Some('}') { None } else { Some(Some(self.number()?)) }
        } else {
            Some(None)
        };
        if !self.take('}') {
            return Err(invalid("invalid repetition count(s)"));
        }
        let greedy = !self.take('?');
        match max {
            // `{m}` has the greediness of what it repeats.
            Some(None) => self.repeated(atom, (min, Some(min)), None),
            Some(Some(max)) if max < min => Err(invalid("invalid repetition count(s)")),
            Some(Some(max)) => self.repeated(atom, (min, Some(max)), Some(greedy)),
            None => self.repeated(atom, (min, None), Some(greedy)),
        }
    }

    fn number(&mut self) -> Result<u32, Error> {
        let mut value = 0_u32;
        let mut any = false;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.rest.next();
            any = true;
            value = value * 10 + digit;
            if value > REPEAT_MAX {
                return Err(invalid("invalid repetition count(s)"));
            }
        }
        if any { Ok(value) } else { Err(invalid("invalid repetition count(s)")) }
    }

    fn repeated(
        &mut self,
        atom: Node,
        (min, max): (u32, Option<u32>),
        greedy: Option<bool>,
    ) -> Result<Node, Error> {
        if matches!(atom, Node::Constraint(_)) {
            return Err(invalid("quantifier operand invalid"));
        }
        self.skip_blanks();
        if matches!(self.peek(), Some('*' | '+' | '?')) {
            return Err(invalid("quantifier operand invalid"));
        }
        let Some(greedy) = greedy else {
            if min == 1 {
                return Ok(atom);
            }
            let greedy = atom.preference() != Some(super::syntax::Preference::Shorter);
            return Ok(Node::Repeat { node: Box::new(atom), min, max, greedy });
        };
        Ok(Node::Repeat { node: Box::new(atom), min, max, greedy })
    }

    /// What follows a backslash outside brackets.
    fn escape(&mut self) -> Result<Node, Error> {
        let c = self.rest.next().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
        if let Some(class) = bracket::class_escape(c) {
            return Ok(Node::Class(class));
        }
        Ok(match c {
            'A' => Node::Constraint(Constraint::TextStart),
            'Z' => Node::Constraint(Constraint::TextEnd),
            'm' => Node::Constraint(Constraint::WordStart),
            'M' => Node::Constraint(Constraint::WordEnd),
            'y' => Node::Constraint(Constraint::WordEdge),
            'Y' => Node::Constraint(Constraint::NotWordEdge),
            '1'..='9' => {
                return Err(Error::refused(
                    "back references in regular expressions are not supported",
                ));
            }
            _ => {
                let character = bracket::character_escape(self, c)?;
                self.literal(character)
            }
        })
    }
}
