//! The first of many that holds, without a look at most of them: what costs the same with ten thousand rules as with ten.
//!
//! Whoever is indexed names texts of which at least one must stand at a certain place for it to hold: "the path begins
//! with `/api/`", "the host ends with `.example.com`". It is filed under one such condition, the one that it shares with
//! the fewest others, and is looked at only where that condition may hold. Those that name nothing are always looked at.
//! So the index never decides: what it leaves out cannot hold, and of what holds the first is taken, as by a walk.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::beginnings::{Beginnings, Text};

/// A text that must stand at a place; at places that count from an end it is written backwards.
pub type Anchor<P> = (P, Vec<u8>);

/// A condition: for each of its values, which are alternatives, the anchors that the value needs, all of them.
pub type Anchors<P> = Vec<Vec<Anchor<P>>>;

/// Of rules, patterns, or whatever else has an order.
#[derive(Debug)]
pub struct Index<P> {
    places: BTreeMap<P, Beginnings>,
    /// Those that can hold anywhere, in ascending order.
    anywhere: Vec<u32>,
}

impl<P: Ord + Clone> Index<P> {
    /// Of each, in order, the conditions that must all hold.
    pub fn new(all: impl IntoIterator<Item = Vec<Anchors<P>>>) -> Self {
        let usable = |conditions: Vec<Anchors<P>>| conditions.into_iter().filter(is_usable).collect();
        let all: Vec<Vec<Anchors<P>>> = all.into_iter().map(usable).collect();
        let mut shared: BTreeMap<&Anchor<P>, usize> = BTreeMap::new();
        for anchor in all.iter().flatten().flatten().flatten() {
            *shared.entry(anchor).or_default() += 1;
        }
        // Shared with few, and of these the longest: it is met by the fewest requests.
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

    /// The first that holds; `shown` is the text at every place.
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
                beginnings.of(text).for_each(&mut look);
            }
        }
        look(&self.anywhere);
        first.map(|number| number as usize)
    }
}

/// Whether each value needs something; one that needs nothing may hold anywhere.
fn is_usable<P>(values: &Anchors<P>) -> bool {
    !values.is_empty() && values.iter().all(|anchors| !anchors.is_empty())
}
