//! The tree of a regular expression, and PostgreSQL's rules of greediness over it.

/// A set of code points as inclusive ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Class {
    pub(super) ranges: Vec<(char, char)>,
    /// Named classes in it, by their regular expression in the engine's own syntax.
    pub(super) named: Vec<&'static str>,
    pub(super) negated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Constraint {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NotWordEdge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Empty,
    Literal(char),
    Class(Class),
    Constraint(Constraint),
    /// A group that captures, with its number from 1.
    Capture(usize, Box<Node>),
    Repeat {
        node: Box<Node>,
        min: u32,
        max: Option<u32>,
        greedy: bool,
    },
    Concat(Vec<Node>),
    Alternate(Vec<Node>),
}

/// Whether an expression prefers its longest or its shortest match (manual, "Regular Expression
/// Matching Rules").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Longer,
    Shorter,
}

impl Node {
    /// `None`: it has no preference of its own.
    pub(super) fn preference(&self) -> Option<Preference> {
        match self {
            Self::Empty | Self::Literal(_) | Self::Class(_) | Self::Constraint(_) => None,
            Self::Capture(_, node) => node.preference(),
            // `{m}` leaves the atom's; `{1,1}` doesn't, but is parsed as greedy or not all the same.
            Self::Repeat { greedy: true, .. } => Some(Preference::Longer),
            Self::Repeat { greedy: false, .. } => Some(Preference::Shorter),
            Self::Concat(items) => items.iter().find_map(Self::preference),
            Self::Alternate(_) => Some(Preference::Longer),
        }
    }

    pub(super) fn captures(&self) -> bool {
        match self {
            Self::Capture(..) => true,
            Self::Repeat { node, .. } => node.captures(),
            Self::Concat(items) | Self::Alternate(items) => items.iter().any(Self::captures),
            _ => false,
        }
    }

    /// Whether some part prefers long matches and some part short ones.
    pub(super) fn is_mixed(&self) -> bool {
        let mut seen = (false, false);
        self.collect_preferences(&mut seen);
        seen == (true, true)
    }

    fn collect_preferences(&self, seen: &mut (bool, bool)) {
        match self.preference() {
            Some(Preference::Longer) => seen.0 = true,
            Some(Preference::Shorter) => seen.1 = true,
            None => {}
        }
        match self {
            Self::Capture(_, node) | Self::Repeat { node, .. } => node.collect_preferences(seen),
            Self::Concat(items) | Self::Alternate(items) => {
                for item in items {
                    item.collect_preferences(seen);
                }
            }
            _ => {}
        }
    }
}
