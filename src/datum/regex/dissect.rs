//! Which part of a match belongs to which group.
//!
//! PostgreSQL finds the extent of the whole match first and then cuts it up: from the left, each part
//! gets the longest piece (or the shortest, if that is what it prefers) with which the rest can still
//! match. This does the same, asking automata of the parts.

use crate::datum::regex::engine::Matcher;
use crate::datum::regex::syntax::{Node, Preference};
use crate::model::error::{Error, SqlState};

/// Characters that cutting one match may look at.
const WORK_MAX: usize = 64 * 1024 * 1024;

/// Where each group matched; group 0 is the whole.
pub(super) type Groups = Vec<Option<(usize, usize)>>;

#[derive(Debug)]
pub(super) enum Plan {
    /// Without groups inside: nothing to cut.
    Whole,
    Capture(usize, Box<Plan>),
    /// The first part, the rest, and what the first part prefers.
    Pair {
        first: Part,
        rest: Part,
        preference: Preference,
    },
    Alternate(Vec<Part>),
    Repeat {
        part: Part,
        min: u32,
        max: Option<u32>,
        preference: Preference,
    },
}

#[derive(Debug)]
pub(super) struct Part {
    matcher: Matcher,
    plan: Box<Plan>,
}

impl Part {
    fn new(node: &Node, fold: bool) -> Result<Self, Error> {
        Ok(Self { matcher: Matcher::new(node, fold)?, plan: Box::new(Plan::new(node, fold)?) })
    }
}

impl Plan {
    pub(super) fn new(node: &Node, fold: bool) -> Result<Self, Error> {
        if !node.captures() {
            return Ok(Self::Whole);
        }
        Ok(match node {
            Node::Capture(number, inner) => {
                Self::Capture(*number, Box::new(Self::new(inner, fold)?))
            }
            Node::Concat(items) => Self::concat(items, fold)?,
            Node::Alternate(items) => Self::Alternate(
                items.iter().map(|item| Part::new(item, fold)).collect::<Result<_, _>>()?,
            ),
            Node::Repeat { node, min, max, greedy } => Self::Repeat {
                part: Part::new(node, fold)?,
                min: *min,
                max: *max,
                preference: if *greedy { Preference::Longer } else { Preference::Shorter },
            },
            _ => Self::Whole,
        })
    }

    fn concat(items: &[Node], fold: bool) -> Result<Self, Error> {
        // What has no groups and one preference stays together.
        let mut length = 0;
        while length < items.len() - 1 {
            let lump = Node::Concat(items[..=length].to_vec());
            if lump.captures() || lump.is_mixed() {
                break;
            }
            length += 1;
        }
        let (first, rest) = items.split_at(length.max(1));
        let one = |items: &[Node]| match items {
            [one] => one.clone(),
            several => Node::Concat(several.to_vec()),
        };
        let (first, rest) = (one(first), one(rest));
        let preference = first.preference().unwrap_or(Preference::Longer);
        Ok(Self::Pair {
            first: Part::new(&first, fold)?,
            rest: Part::new(&rest, fold)?,
            preference,
        })
    }
}

pub(super) struct Dissection<'a> {
    pub(super) text: &'a str,
    pub(super) groups: Groups,
    work: usize,
}

impl<'a> Dissection<'a> {
    pub(super) fn new(text: &'a str, count: usize) -> Self {
        Self { text, groups: vec![None; count + 1], work: 0 }
    }

    fn look(&mut self, start: usize, end: usize) -> Result<(), Error> {
        self.work += end - start + 8;
        if self.work > WORK_MAX {
            return Err(Error::limit(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "regular expression failed: the match is too complex",
            ));
        }
        Ok(())
    }

    /// Cuts up the span, which the plan's expression is known to match.
    pub(super) fn run(&mut self, plan: &Plan, start: usize, end: usize) -> Result<bool, Error> {
        match plan {
            Plan::Whole => Ok(true),
            Plan::Capture(number, inner) => {
                if !self.run(inner, start, end)? {
                    return Ok(false);
                }
                self.groups[*number] = Some((start, end));
                Ok(true)
            }
            Plan::Pair { first, rest, preference } => {
                self.pair((first, rest), *preference, start, end)
            }
            Plan::Alternate(parts) => {
                for part in parts {
                    self.look(start, end)?;
                    if part.matcher.is_exactly(self.text, start, end)
                        && self.run(&part.plan, start, end)?
                    {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Plan::Repeat { part, min, max, preference } => {
                self.repeat(part, (*min, *max), *preference, start, end)
            }
        }
    }

    fn pair(
        &mut self,
        (first, rest): (&Part, &Part),
        preference: Preference,
        start: usize,
        end: usize,
    ) -> Result<bool, Error> {
        let mut middle = self.candidate(first, preference, start, end, None)?;
        while let Some(at) = middle {
            self.look(at, end)?;
            if rest.matcher.is_exactly(self.text, at, end) {
                let before = self.groups.clone();
                if self.run(&first.plan, start, at)? && self.run(&rest.plan, at, end)? {
                    return Ok(true);
                }
                self.groups = before;
            }
            middle = self.candidate(first, preference, start, end, Some(at))?;
        }
        Ok(false)
    }

    /// The next place where the part may end, in the order that it prefers.
    fn candidate(
        &mut self,
        part: &Part,
        preference: Preference,
        start: usize,
        end: usize,
        last: Option<usize>,
    ) -> Result<Option<usize>, Error> {
        self.look(start, end)?;
        let text = self.text;
        Ok(match (preference, last) {
            (Preference::Longer, None) => part.matcher.end(text, start, end, true),
            (Preference::Longer, Some(last)) if last == start => None,
            (Preference::Longer, Some(last)) => {
                let before = text[start..last].char_indices().next_back();
                let limit = before.map_or(start, |(at, _)| start + at);
                part.matcher.end(text, start, limit, true)
            }
            (Preference::Shorter, None) => part.matcher.end(text, start, end, false),
            (Preference::Shorter, Some(last)) => {
                let mut at = last;
                loop {
                    let Some(next) = text[at..end].chars().next() else { break None };
                    at += next.len_utf8();
                    self.look(start, at)?;
                    if part.matcher.is_exactly(text, start, at) {
                        break Some(at);
                    }
                }
            }
        })
    }

    /// Cuts a span into repetitions; groups keep what the last one gave them. The repetitions are
    /// found one by one, and given back as far as the rest needs it.
    fn repeat(
        &mut self,
        part: &Part,
        (min, max): (u32, Option<u32>),
        preference: Preference,
        start: usize,
        end: usize,
    ) -> Result<bool, Error> {
        if start == end && min == 0 {
            return Ok(true);
        }
        // Ends of the repetitions so far; the last one is the one being moved.
        let mut ends: Vec<Option<usize>> = vec![None];
        while let Some(last) = ends.last().copied() {
            let count = ends.len() as u32;
            let from = if ends.len() > 1 { ends[ends.len() - 2].unwrap_or(start) } else { start };
            let next = self.candidate(part, preference, from, end, last)?;
            // A repetition that takes nothing only helps to reach the least number.
            let next = next.filter(|at| *at > from || count <= min.max(1));
            let Some(at) = next else {
                ends.pop();
                continue;
            };
            if let Some(slot) = ends.last_mut() {
                *slot = Some(at);
            }
            if at == end && (count >= min || at == from) && self.assign(part, &ends, start)? {
                return Ok(true);
            }
            let more = max.is_none_or(|max| count < max);
            if (at < end && more) || (at == end && count < min) {
                ends.push(None);
            }
        }
        Ok(false)
    }

    fn assign(&mut self, part: &Part, ends: &[Option<usize>], start: usize) -> Result<bool, Error> {
        let mut from = start;
        for end in ends.iter().flatten() {
            if !self.run(&part.plan, from, *end)? {
                return Ok(false);
            }
            from = *end;
        }
        Ok(true)
    }
}
