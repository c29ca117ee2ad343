//! The engine under the regular expressions: automata that run in time proportional to the text.

use std::cell::RefCell;

use regex_automata::nfa::thompson::{self, pikevm};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, meta};
use regex_syntax::hir::{self, Hir};

use crate::datum::regex::parse::invalid;
use crate::datum::regex::syntax::{Class, Constraint, Node};
use crate::model::error::Error;

/// Memory that one automaton takes at the most, in bytes.
const AUTOMATON_BYTES_MAX: usize = 8 * 1024 * 1024;

fn too_complex() -> Error {
    invalid("regular expression is too complex")
}

/// A part of an expression, to be asked where it can match. It finds the longest match, not the one
/// that Perl's rules prefer.
#[derive(Debug)]
pub(super) struct Matcher {
    vm: pikevm::PikeVM,
    cache: RefCell<pikevm::Cache>,
}

impl Matcher {
    pub(super) fn new(node: &Node, fold: bool) -> Result<Self, Error> {
        let nfa = thompson::Compiler::new()
            .configure(
                thompson::Config::new()
                    .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
                    .which_captures(thompson::WhichCaptures::Implicit),
            )
            .build_from_hir(&hir(node, fold)?)
            .map_err(|_| too_complex())?;
        let vm = pikevm::Builder::new()
            .configure(pikevm::Config::new().match_kind(MatchKind::All))
            .build_from_nfa(nfa)
            .map_err(|_| too_complex())?;
        let cache = RefCell::new(vm.create_cache());
        Ok(Self { vm, cache })
    }

    /// Where the longest match (or the shortest one) from `start` ends, at `end` at the latest.
    pub(super) fn end(&self, text: &str, start: usize, end: usize, longest: bool) -> Option<usize> {
        let input = Input::new(text).span(start..end).anchored(Anchored::Yes).earliest(!longest);
        let mut slots = [None, None];
        self.vm.search_slots(&mut self.cache.borrow_mut(), &input, &mut slots)?;
        slots[1].map(|end| end.get())
    }

    /// Whether it matches all of the span.
    pub(super) fn is_exactly(&self, text: &str, start: usize, end: usize) -> bool {
        self.end(text, start, end, true) == Some(end)
    }
}

/// Finds where the first match begins, fast.
#[derive(Debug)]
pub(super) struct Finder(meta::Regex);

impl Finder {
    pub(super) fn new(node: &Node, fold: bool) -> Result<Self, Error> {
        let config = meta::Config::new()
            .nfa_size_limit(Some(AUTOMATON_BYTES_MAX))
            .onepass_size_limit(Some(1024 * 1024))
            .hybrid_cache_capacity(1024 * 1024);
        meta::Builder::new()
            .configure(config)
            .build_from_hir(&hir(node, fold)?)
            .map(Self)
            .map_err(|_| too_complex())
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// The first match at or after `start`, by Perl's rules: its start is everybody's.
    pub(super) fn find(&self, text: &str, start: usize) -> Option<(usize, usize)> {
        let input = Input::new(text).span(start..text.len());
        self.0.search(&input).map(|found| (found.start(), found.end()))
    }
}

fn hir(node: &Node, fold: bool) -> Result<Hir, Error> {
    Ok(match node {
        Node::Empty => Hir::empty(),
        Node::Literal(c) => Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()),
        Node::Class(class) => Hir::class(hir::Class::Unicode(set(class, fold)?)),
        Node::Constraint(constraint) => Hir::look(match constraint {
            Constraint::TextStart => hir::Look::Start,
            Constraint::TextEnd => hir::Look::End,
            Constraint::LineStart => hir::Look::StartLF,
            Constraint::LineEnd => hir::Look::EndLF,
            Constraint::WordStart => hir::Look::WordStartUnicode,
            Constraint::WordEnd => hir::Look::WordEndUnicode,
            Constraint::WordEdge => hir::Look::WordUnicode,
            Constraint::NotWordEdge => hir::Look::WordUnicodeNegate,
        }),
        Node::Capture(_, inner) => hir(inner, fold)?,
        Node::Repeat { node, min, max, greedy } => Hir::repetition(hir::Repetition {
            min: *min,
            max: *max,
            greedy: *greedy,
            sub: Box::new(hir(node, fold)?),
        }),
        Node::Concat(items) => {
            Hir::concat(items.iter().map(|item| hir(item, fold)).collect::<Result<_, _>>()?)
        }
        Node::Alternate(items) => {
            Hir::alternation(items.iter().map(|item| hir(item, fold)).collect::<Result<_, _>>()?)
        }
    })
}

fn set(class: &Class, fold: bool) -> Result<hir::ClassUnicode, Error> {
    let ranges = class.ranges.iter().map(|(from, to)| hir::ClassUnicodeRange::new(*from, *to));
    let mut set = hir::ClassUnicode::new(ranges);
    if fold {
        set.try_case_fold_simple().map_err(|_| Error::internal("case tables are compiled in"))?;
    }
    for named in &class.named {
        let parsed = syntax::parse(named).map_err(|_| Error::internal("a named class is valid"))?;
        match parsed.kind() {
            hir::HirKind::Class(hir::Class::Unicode(named)) => set.union(named),
            _ => return Err(Error::internal("a named class is a class of characters")),
        }
    }
    if class.negated {
        set.negate();
    }
    Ok(set)
}
