//! The search for a request that a rule decides.

use std::cell::Cell;

use neargate_model::rule::{Condition, Rule};

use crate::region::{Region, Sets, Term};
use crate::undecided::Undecided;
use crate::witness::Witness;

/// How many parts of regions a search may look at.
const MOST_PARTS: u32 = 100_000;

/// The rules of a listener, ready for questions. The default rule is the one after the last.
#[derive(Debug)]
pub struct Decisions {
    rules: Vec<Vec<Term>>,
    sets: Sets,
}

/// What a rule decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// This request, for example.
    Yes(Box<Witness>),
    /// Nothing: no request matches its conditions.
    Never,
    /// Nothing: these rules, by index, together match all that it matches. None of them can be left out.
    Covered(Vec<usize>),
}

impl Decisions {
    /// Prepares the rules, in the order in which they are tried.
    pub fn new(rules: &[Rule]) -> Result<Self, Undecided> {
        let mut sets = Sets::default();
        let terms = |rule: &Rule| rule.conditions.iter().map(|condition| sets.term(condition)).collect();
        Ok(Self { rules: rules.iter().map(terms).collect::<Result<_, _>>()?, sets })
    }

    /// What the rule with this index decides.
    pub fn of_rule(&self, rule: usize) -> Result<Decided, Undecided> {
        let terms = self.rules.get(rule).map(Vec::as_slice).unwrap_or_default();
        self.of_region(Region::new(terms), rule)
    }

    /// What the rule would decide if it had these conditions.
    pub fn of_conditions(&mut self, rule: usize, conditions: &[Condition]) -> Result<Decided, Undecided> {
        let terms = conditions.iter().map(|condition| self.sets.term(condition)).collect::<Result<Vec<_>, _>>()?;
        self.of_region(Region::new(&terms), rule)
    }

    fn of_region(&self, region: Region, rule: usize) -> Result<Decided, Undecided> {
        let earlier: Vec<usize> = (0..rule.min(self.rules.len())).collect();
        if let Some(witness) = self.left(&region, &earlier)? {
            return Ok(Decided::Yes(Box::new(witness)));
        }
        if self.sets.witness(&region)?.is_none() {
            return Ok(Decided::Never);
        }
        // Alone, if one of them is enough; otherwise those that remain when all others have been left out.
        for one in &earlier {
            if self.left(&region, &[*one])?.is_none() {
                return Ok(Decided::Covered(vec![*one]));
            }
        }
        let mut needed = Vec::new();
        for one in earlier {
            if self.sets.meet(&region, &self.rules[one])? {
                needed.push(one);
            }
        }
        let mut at = 0;
        while at < needed.len() {
            let without: Vec<usize> = needed.iter().copied().filter(|rule| *rule != needed[at]).collect();
            if self.left(&region, &without)?.is_none() {
                needed = without;
            } else {
                at += 1;
            }
        }
        Ok(Decided::Covered(needed))
    }

    /// A request that the rule decides, if there is one.
    pub(crate) fn example(&self, rule: usize) -> Result<Option<Witness>, Undecided> {
        let terms = self.rules.get(rule).map(Vec::as_slice).unwrap_or_default();
        self.left(&Region::new(terms), &(0..rule.min(self.rules.len())).collect::<Vec<_>>())
    }

    /// Whether some request that the rule decides would be decided by this later one if the rule were not there.
    pub(crate) fn would_fall_to(&self, rule: usize, later: usize) -> Result<bool, Undecided> {
        let terms = self.rules.get(later).map(Vec::as_slice).unwrap_or_default();
        let region = Region::new(&self.rules[rule]).and(terms);
        if self.sets.witness(&region)?.is_none() {
            return Ok(false);
        }
        let others: Vec<usize> = (0..later.min(self.rules.len())).filter(|other| *other != rule).collect();
        Ok(self.left(&region, &others)?.is_some())
    }

    /// A request that matches the conditions of `rule` and would match `later` as well, and that no rule before decides.
    pub(crate) fn taken_from(&self, rule: usize, later: usize) -> Result<Option<Witness>, Undecided> {
        let region = Region::new(&self.rules[rule]).and(&self.rules[later]);
        self.left(&region, &(0..rule).collect::<Vec<_>>())
    }

    /// A request of the region that none of these rules matches.
    fn left(&self, region: &Region, rules: &[usize]) -> Result<Option<Witness>, Undecided> {
        self.search(region, rules, &Cell::new(MOST_PARTS))
    }

    fn search(&self, region: &Region, rules: &[usize], budget: &Cell<u32>) -> Result<Option<Witness>, Undecided> {
        budget.set(budget.get().checked_sub(1).ok_or(Undecided::TooManyParts)?);
        for (index, rule) in rules.iter().enumerate() {
            let terms = &self.rules[*rule];
            if !self.sets.meet(region, terms)? {
                continue;
            }
            for part in region.without(terms) {
                if self.sets.witness(&part)?.is_some()
                    && let Some(witness) = self.search(&part, &rules[index + 1..], budget)?
                {
                    return Ok(Some(witness));
                }
            }
            return Ok(None);
        }
        self.sets.witness(region)
    }
}

#[cfg(test)]
mod tests;
