//! Finds the first matching rule of many while evaluating only a few, so that ten thousand rules cost as much as ten.
//!
//! Each rule names texts of which at least one must be at a certain place for the rule to match: "the path begins with
//! `/api/`", "the host ends with `.example.com`". A rule is filed under one such condition, the one shared with the
//! fewest other rules, and is evaluated only if that condition may hold. Rules that name no text are always evaluated.
//! So the index never decides: a rule that it skips cannot match, and of those that match it returns the first, as a
//! sequential walk would.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::beginnings::{Beginnings, Text};

/// A text that must be at a place; at places that count from an end it is reversed.
pub type Anchor<P> = (P, Vec<u8>);

/// A condition: for each of its values, which are alternatives, all the anchors that the value requires.
pub type Anchors<P> = Vec<Vec<Anchor<P>>>;

/// An index of rules, patterns, or anything else with an order.
#[derive(Debug)]
pub struct Index<P> {
    places: BTreeMap<P, Beginnings>,
    /// Those that can match anywhere, in ascending order.
    anywhere: Vec<u32>,
}

impl<P: Ord + Clone> Index<P> {
    /// Creates the index from the conditions of each item, in order; all conditions of an item must hold.
    pub fn new(all: impl IntoIterator<Item = Vec<Anchors<P>>>) -> Self {
        let usable = |conditions: Vec<Anchors<P>>| conditions.into_iter().filter(is_usable).collect();
        let all: Vec<Vec<Anchors<P>>> = all.into_iter().map(usable).collect();
        let mut shared: BTreeMap<&Anchor<P>, usize> = BTreeMap::new();
        for anchor in all.iter().flatten().flatten().flatten() {
            *shared.entry(anchor).or_default() += 1;
        }
        // Prefer anchors shared with few, and among those the longest: the fewest requests contain it.
        let cost = |anchor: &Anchor<P>| (shared[anchor], Reverse(anchor.1.len()));
        let mut places: BTreeMap<P, BTreeMap<Vec<u8>, Vec<u32>>> = BTreeMap::new();
        let mut anywhere = Vec::new();
        for (number, conditions) in (0..).zip(&all) {
            let chosen = conditions.iter().map(|values| -> Vec<&Anchor<P>> {
                values.iter().filter_map(|anchors| anchors.iter().min_by_key(|anchor| cost(anchor))).collect()
            });
            let best = chosen.min_by_key(|anchors| {
                let costs = anchors.iter().map(|anchor| cost(anchor));
                costs.fold((0, Reverse(usize::MAX)), |(sum, shortest), (count, length)| {
                    (sum + count, shortest.max(length))
                })
            });
            let Some(best) = best else {
                anywhere.push(number);
                continue;
            };
            for (place, text) in best {
                let numbers = places.entry(place.clone()).or_default().entry(text.clone()).or_default();
                if numbers.last() != Some(&number) {
                    numbers.push(number);
                }
            }
        }
        let places = places.into_iter().map(|(place, texts)| (place, Beginnings::new(texts))).collect();
        Self { places, anywhere }
    }

    /// The first item that matches; `shown` has the text at every place.
    pub fn first<'t>(
        &self,
        shown: impl IntoIterator<Item = (P, Text<'t>)>,
        holds: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let mut first: Option<u32> = None;
        let mut look = |numbers: &[u32]| {
            let mut before = numbers.iter().copied().take_while(|number| first.is_none_or(|first| *number < first));
            let found = before.find(|number| holds(*number as usize));
            first = found.or(first);
        };
        for (place, text) in shown {
            if let Some(beginnings) = self.places.get(&place) {
                beginnings.prefixes_of(text).for_each(&mut look);
            }
        }
        look(&self.anywhere);
        first.map(|number| number as usize)
    }
}

/// Whether each value requires something; a value that requires nothing may match anywhere.
fn is_usable<P>(values: &Anchors<P>) -> bool {
    !values.is_empty() && values.iter().all(|anchors| !anchors.is_empty())
}
