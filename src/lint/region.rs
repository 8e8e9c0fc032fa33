//! Regions: sets of requests, each described by what holds in its dimensions and what does not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use neargate_model::rule::Condition;

use crate::dimension::{Dimension, Occurs, Set};
use crate::networks::Addresses;
use crate::texts::{self, TextSet};
use crate::undecided::Undecided;
use crate::witness::Witness;

/// The number of a set in [`Sets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SetId(usize);

/// What holds in one dimension: where something can occur several times, that some occurrence is in each of the first
/// sets, and that no occurrence is in any of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Constraint {
    holds: BTreeSet<SetId>,
    fails: BTreeSet<SetId>,
}

/// A set of requests: all constraints hold. Dimensions that are not mentioned are free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Region {
    constraints: BTreeMap<Dimension, Constraint>,
}

/// A condition, with its set.
pub(crate) type Term = (Dimension, SetId);

impl Region {
    /// The requests that match all of these conditions.
    pub(crate) fn new(terms: &[Term]) -> Self {
        let mut region = Self::default();
        terms.iter().for_each(|term| region.hold(term));
        region
    }

    fn hold(&mut self, (dimension, set): &Term) {
        self.constraints.entry(dimension.clone()).or_default().holds.insert(*set);
    }

    fn fail(&mut self, (dimension, set): &Term) {
        self.constraints.entry(dimension.clone()).or_default().fails.insert(*set);
    }

    /// Those of its requests that also match all of these conditions.
    pub(crate) fn and(&self, terms: &[Term]) -> Self {
        let mut region = self.clone();
        terms.iter().for_each(|term| region.hold(term));
        region
    }

    /// Those of its requests that do not match all of these conditions, in parts without overlaps: the first condition
    /// fails; the first one holds and the second one fails; and so on.
    pub(crate) fn without(&self, terms: &[Term]) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self.clone();
        for term in terms {
            let mut part = rest.clone();
            part.fail(term);
            parts.push(part);
            rest.hold(term);
        }
        parts
    }

    /// The sets that a dimension is in.
    fn holding(&self, dimension: &Dimension) -> impl Iterator<Item = SetId> + '_ {
        self.constraints.get(dimension).into_iter().flat_map(|constraint| constraint.holds.iter().copied())
    }
}

/// What satisfies the constraint of one dimension.
#[derive(Clone, Debug)]
enum Found {
    Texts(Vec<Vec<u8>>),
    Method(String),
    Address(IpAddr),
}

/// All sets that conditions of a listener speak of, and what is known of them.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    sets: Vec<Set>,
    /// Conditions with the same values have the same set.
    known: HashMap<String, SetId>,
    universes: HashMap<Kind, (TextSet, Option<TextSet>)>,
    found: RefCell<HashMap<Question, Answer>>,
}

/// Whether something satisfies a constraint.
type Question = (Kind, Occurs, Constraint);
type Answer = Result<Option<Found>, Undecided>;

/// Dimensions with the same texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Host,
    Path,
    Method,
    SourceIp,
    Header,
    Query,
}

impl Kind {
    fn from_dimension(dimension: &Dimension) -> Self {
        match dimension {
            Dimension::Host => Self::Host,
            Dimension::Path => Self::Path,
            Dimension::Method => Self::Method,
            Dimension::SourceIp => Self::SourceIp,
            Dimension::Header(_) => Self::Header,
            Dimension::Query => Self::Query,
        }
    }
}

impl Sets {
    /// The condition, with the number of its set.
    pub(crate) fn term(&mut self, condition: &Condition) -> Result<Term, Undecided> {
        let dimension = Dimension::from_condition(condition);
        let kind = Kind::from_dimension(&dimension);
        if !self.universes.contains_key(&kind) && !matches!(kind, Kind::Method | Kind::SourceIp) {
            let (all, never) = dimension.universe();
            let never = never.map(|never| TextSet::new(vec![never])).transpose()?;
            self.universes.insert(kind, (TextSet::new(vec![all])?, never));
        }
        let key = match condition {
            Condition::HttpHeader { values, .. } => format!("http-header {values:?}"),
            condition => format!("{condition:?}"),
        };
        if let Some(set) = self.known.get(&key) {
            return Ok((dimension, *set));
        }
        let set = SetId(self.sets.len());
        self.sets.push(Set::new(condition)?);
        self.known.insert(key, set);
        Ok((dimension, set))
    }

    /// Whether some request of the region matches all of these conditions.
    pub(crate) fn meet(&self, region: &Region, terms: &[Term]) -> Result<bool, Undecided> {
        // Most pairs of rules are apart in one dimension, which is found out once for each pair of sets.
        for (dimension, set) in terms.iter().filter(|(dimension, _)| dimension.occurs() == Occurs::Once) {
            for other in region.holding(dimension) {
                let both = Constraint { holds: BTreeSet::from([*set, other]), fails: BTreeSet::new() };
                if self.find(dimension, &both)?.is_none() {
                    return Ok(false);
                }
            }
        }
        Ok(self.witness(&region.and(terms))?.is_some())
    }

    /// A request of the region, if it has any.
    pub(crate) fn witness(&self, region: &Region) -> Result<Option<Witness>, Undecided> {
        let mut witness = Witness::default();
        for (dimension, constraint) in &region.constraints {
            let Some(found) = self.find(dimension, constraint)? else { return Ok(None) };
            match (dimension, found) {
                (Dimension::Host, Found::Texts(mut texts)) => {
                    witness.host = texts.pop().map(|host| String::from_utf8_lossy(&host).into_owned());
                }
                (Dimension::Path, Found::Texts(mut texts)) => witness.path = texts.pop(),
                (Dimension::Header(name), Found::Texts(values)) => {
                    witness.headers.extend(values.into_iter().map(|value| (name.clone(), value)));
                }
                (Dimension::Query, Found::Texts(parameters)) => witness.parameters = parameters,
                (_, Found::Method(method)) => witness.method = Some(method),
                (_, Found::Address(address)) => witness.source = Some(address),
                (Dimension::Method | Dimension::SourceIp, Found::Texts(_)) => {}
            }
        }
        Ok(Some(witness))
    }

    fn find(&self, dimension: &Dimension, constraint: &Constraint) -> Answer {
        if !constraint.holds.is_disjoint(&constraint.fails) {
            return Ok(None);
        }
        let key = (Kind::from_dimension(dimension), dimension.occurs(), constraint.clone());
        if let Some(known) = self.found.borrow().get(&key) {
            return known.clone();
        }
        let found = self.search(dimension, constraint);
        self.found.borrow_mut().insert(key, found.clone());
        found
    }

    fn search(&self, dimension: &Dimension, constraint: &Constraint) -> Answer {
        match dimension {
            Dimension::Method => Ok(self.method(constraint).map(Found::Method)),
            Dimension::SourceIp => Ok(self.address(constraint).map(Found::Address)),
            _ => {
                let holds: Vec<&TextSet> = self.texts(&constraint.holds);
                let fails: Vec<&TextSet> = self.texts(&constraint.fails);
                self.occurrences(dimension, &holds, &fails).map(|found| found.map(Found::Texts))
            }
        }
    }

    /// The texts that have to occur. Where several may occur, there is one for each set.
    fn occurrences(
        &self,
        dimension: &Dimension,
        holds: &[&TextSet],
        fails: &[&TextSet],
    ) -> Result<Option<Vec<Vec<u8>>>, Undecided> {
        let Some((all, never)) = self.universes.get(&Kind::from_dimension(dimension)) else { return Ok(None) };
        let fails: Vec<&TextSet> = fails.iter().copied().chain(never).collect();
        let one = |holds: &[&TextSet]| {
            let holds: Vec<&TextSet> = holds.iter().copied().chain([all]).collect();
            texts::shortest(&holds, &fails)
        };
        match (dimension.occurs(), holds) {
            (Occurs::AtMostOnce | Occurs::AnyNumber, []) => Ok(Some(Vec::new())),
            (Occurs::Once | Occurs::AtMostOnce, holds) => Ok(one(holds)?.map(|text| vec![text])),
            (Occurs::AnyNumber, holds) => {
                // One text for all of them, if there is one: it is easier to read.
                if let Some(text) = one(holds)? {
                    return Ok(Some(vec![text]));
                }
                holds.iter().map(|set| one(&[*set])).collect()
            }
        }
    }

    fn texts(&self, ids: &BTreeSet<SetId>) -> Vec<&TextSet> {
        let texts = |id: &SetId| if let Set::Texts(texts) = &self.sets[id.0] { Some(&**texts) } else { None };
        ids.iter().filter_map(texts).collect()
    }

    fn method(&self, constraint: &Constraint) -> Option<String> {
        const USUAL: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
        let of = |ids: &BTreeSet<SetId>| -> Vec<&BTreeSet<String>> {
            let methods = |id: &SetId| if let Set::Methods(methods) = &self.sets[id.0] { Some(methods) } else { None };
            ids.iter().filter_map(methods).collect()
        };
        let (holds, fails) = (of(&constraint.holds), of(&constraint.fails));
        let mentioned: BTreeSet<&String> = holds.iter().chain(&fails).copied().flatten().collect();
        // Methods are any words, so there is always one that no rule mentions.
        let other = (1..).map(|length| "X".repeat(length)).find(|word| !mentioned.contains(word));
        let usual = USUAL.iter().map(|method| (*method).to_owned());
        let mut candidates = usual.chain(mentioned.iter().map(|method| (*method).clone())).chain(other);
        candidates.find(|method| {
            holds.iter().all(|set| set.contains(method)) && !fails.iter().any(|set| set.contains(method))
        })
    }

    fn address(&self, constraint: &Constraint) -> Option<IpAddr> {
        let of = |id: &SetId| if let Set::Addresses(addresses) = &self.sets[id.0] { Some(addresses) } else { None };
        let held = constraint.holds.iter().filter_map(of).fold(Addresses::all(), |all, set| all.and(set));
        constraint.fails.iter().filter_map(of).fold(held, |all, set| all.without(set)).any()
    }
}
