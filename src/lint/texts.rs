//! Sets of texts: those that the values of a condition match, as an automaton.
//!
//! A text that is in some sets and not in others is found by walking their automata together, breadth first, so the first
//! one found is a shortest one; if none is found, there is none.

use std::collections::HashMap;

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::{Anchored, Input, MatchKind};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Dot, Hir, Look, Repetition};

use crate::undecided::Undecided;

/// The largest automaton, in bytes. An expression of 128 characters can ask for more.
const LARGEST: usize = 16 << 20;

/// How many combinations of states a walk may visit.
const LONGEST_WALK: usize = 200_000;

/// A set of texts.
#[derive(Debug)]
pub(crate) struct TextSet {
    automaton: dense::DFA<Vec<u32>>,
    start: StateID,
}

impl TextSet {
    /// The texts that any of the expressions matches as a whole.
    pub(crate) fn new(expressions: Vec<Hir>) -> Result<Self, Undecided> {
        let whole = Hir::concat(vec![Hir::alternation(expressions), Hir::look(Look::End)]);
        let program = thompson::Compiler::new()
            .configure(thompson::Config::new().utf8(false))
            .build_from_hir(&whole)
            .map_err(|_| Undecided::TooLarge)?;
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let automaton =
            dense::Builder::new().configure(config).build_from_nfa(&program).map_err(|_| Undecided::TooLarge)?;
        let input = Input::new("").anchored(Anchored::Yes);
        let start = automaton.start_state_forward(&input).map_err(|_| Undecided::TooLarge)?;
        Ok(Self { automaton, start })
    }

    fn accepts(&self, state: StateID) -> bool {
        // A match is reported one step late: at the end of the text.
        self.automaton.is_match_state(self.automaton.next_eoi_state(state))
    }
}

/// Any run of any bytes.
pub(crate) fn anything() -> Hir {
    repeated(Hir::dot(Dot::AnyByte), 0)
}

/// At least so many times.
pub(crate) fn repeated(what: Hir, min: u32) -> Hir {
    Hir::repetition(Repetition { min, max: None, greedy: true, sub: Box::new(what) })
}

/// One byte out of these ranges.
pub(crate) fn one_of(ranges: &[(u8, u8)]) -> Hir {
    let ranges = ranges.iter().map(|(first, last)| ClassBytesRange::new(*first, *last));
    Hir::class(Class::Bytes(ClassBytes::new(ranges)))
}

/// A literal byte, in both cases of its letter if case does not matter.
pub(crate) fn byte(byte: u8, ignores_case: bool) -> Hir {
    if ignores_case && byte.is_ascii_alphabetic() {
        let (lower, upper) = (byte.to_ascii_lowercase(), byte.to_ascii_uppercase());
        return one_of(&[(lower, lower), (upper, upper)]);
    }
    Hir::literal([byte])
}

/// The texts in which a regular expression of a condition finds something. `None` if the load balancer would refuse it.
pub(crate) fn found_by(expression: &str, ignores_case: bool) -> Option<Hir> {
    Some(Hir::concat(vec![anything(), parsed(expression, ignores_case)?, anything()]))
}

/// The texts that begin with what an expression finds. `None` if the load balancer would refuse it.
pub(crate) fn begun_by(expression: &str, ignores_case: bool) -> Option<Hir> {
    Some(Hir::concat(vec![parsed(expression, ignores_case)?, anything()]))
}

fn parsed(expression: &str, ignores_case: bool) -> Option<Hir> {
    neargate_alb::rules::pattern::check_regex(expression).ok()?;
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).case_insensitive(ignores_case).build();
    parser.parse(expression).ok()
}

/// The hosts that a name in a certificate covers: `*` is one label.
pub(crate) fn covered_by(name: &str) -> Hir {
    let literal = |text: &str| Hir::concat(text.bytes().map(|letter| byte(letter, true)).collect());
    match name.strip_prefix("*.") {
        Some(parent) => {
            let label = repeated(one_of(&[(0, b'-'), (b'/', 0xff)]), 1);
            Hir::concat(vec![label, Hir::literal(*b"."), literal(parent)])
        }
        None => literal(name),
    }
}

/// A shortest text that is in all of the first sets and in none of the others, if there is one.
pub(crate) fn shortest(holds: &[&TextSet], fails: &[&TextSet]) -> Result<Option<Vec<u8>>, Undecided> {
    let sets: Vec<&TextSet> = holds.iter().chain(fails).copied().collect();
    let alphabet = alphabet(&sets);
    let is_dead = |states: &[StateID]| holds.iter().zip(states).any(|(set, state)| set.automaton.is_dead_state(*state));
    let is_found = |states: &[StateID]| {
        let mut each = sets.iter().zip(states).map(|(set, state)| set.accepts(*state));
        each.by_ref().take(holds.len()).all(|accepted| accepted) && !each.any(|accepted| accepted)
    };

    // Every combination of states reached, with the one before it and the byte between them.
    let start: Vec<StateID> = sets.iter().map(|set| set.start).collect();
    let mut known = HashMap::from([(start.clone(), 0)]);
    let mut reached: Vec<(Vec<StateID>, usize, u8)> = vec![(start, 0, 0)];
    let mut at = 0;
    while at < reached.len() {
        if is_found(&reached[at].0) {
            return Ok(Some(spelled(&reached, at)));
        }
        for letter in &alphabet {
            let from = &reached[at].0;
            let next: Vec<StateID> =
                sets.iter().zip(from).map(|(set, state)| set.automaton.next_state(*state, *letter)).collect();
            if is_dead(&next) || known.contains_key(&next) {
                continue;
            }
            if reached.len() == LONGEST_WALK {
                return Err(Undecided::TooLarge);
            }
            known.insert(next.clone(), reached.len());
            reached.push((next, at, *letter));
        }
        at += 1;
    }
    Ok(None)
}

/// The text that leads to a place of the walk.
fn spelled(reached: &[(Vec<StateID>, usize, u8)], mut at: usize) -> Vec<u8> {
    let mut text = Vec::new();
    while at != 0 {
        text.push(reached[at].2);
        at = reached[at].1;
    }
    text.reverse();
    text
}

/// One byte for all that no automaton tells apart: the one that people read most easily.
fn alphabet(sets: &[&TextSet]) -> Vec<u8> {
    let pleasant = (b'a'..=b'z').chain(b'0'..=b'9').chain(*b"/-._").chain(b'A'..=b'Z').chain(b'!'..=b'~');
    let all = pleasant.chain(0..=255);
    let mut letters = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for letter in all {
        let classes: Vec<u8> = sets.iter().map(|set| set.automaton.byte_classes().get(letter)).collect();
        if seen.insert(classes) {
            letters.push(letter);
        }
    }
    letters
}
