//! Finds which of many texts are prefixes of a given text, with one search instead of a comparison with each.
//!
//! The texts are sorted, and each refers to the longest other text that is its prefix. All prefixes of a given text are
//! then in one chain, which starts at the last entry that is not after that text: in sorted order, everything between a
//! prefix and the text itself begins with that prefix.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Texts, each with the numbers of the rules that require it.
#[derive(Debug, Default)]
pub struct Beginnings {
    /// In ascending order.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    text: Box<[u8]>,
    /// The longest other text that is a prefix of this one.
    within: Option<usize>,
    /// In ascending order.
    numbers: Vec<u32>,
}

/// A text to look up, in either direction.
#[derive(Clone, Copy, Debug)]
pub struct Text<'t> {
    bytes: &'t [u8],
    backwards: bool,
    lower_case: bool,
}

impl<'t> Text<'t> {
    /// The text unchanged.
    pub fn forwards(bytes: &'t [u8]) -> Self {
        Self { bytes, backwards: false, lower_case: false }
    }

    /// The text reversed, to look up suffixes: those are stored reversed.
    pub fn backwards(self) -> Self {
        Self { backwards: true, ..self }
    }

    /// The text with its ASCII letters in lower case.
    pub fn lower_case(self) -> Self {
        Self { lower_case: true, ..self }
    }

    fn get(self, index: usize) -> Option<u8> {
        let index = if self.backwards { self.bytes.len().checked_sub(index + 1)? } else { index };
        let byte = *self.bytes.get(index)?;
        Some(if self.lower_case { byte.to_ascii_lowercase() } else { byte })
    }

    fn begins_with(self, beginning: &[u8]) -> bool {
        beginning.len() <= self.bytes.len() && self.differs(beginning).is_none()
    }

    /// First position at which the two differ.
    fn differs(self, other: &[u8]) -> Option<usize> {
        (0..other.len()).find(|&index| self.get(index) != Some(other[index]))
    }

    /// Whether the other text sorts before this one, or is equal or a prefix.
    fn is_at_or_after(self, other: &[u8]) -> bool {
        self.differs(other).is_none_or(|index| self.get(index).cmp(&Some(other[index])) == Ordering::Greater)
    }
}

impl Beginnings {
    /// From texts, each with its numbers in ascending order.
    pub fn new(texts: BTreeMap<Vec<u8>, Vec<u32>>) -> Self {
        let mut entries: Vec<Entry> = Vec::with_capacity(texts.len());
        for (text, numbers) in texts {
            let mut within = entries.len().checked_sub(1);
            while let Some(at) = within
                && !text.starts_with(&entries[at].text)
            {
                within = entries[at].within;
            }
            entries.push(Entry { text: text.into(), within, numbers });
        }
        Self { entries }
    }

    /// The numbers of each text that is a prefix of this one.
    pub fn prefixes_of(&self, text: Text<'_>) -> impl Iterator<Item = &[u32]> {
        let after = self.entries.partition_point(|entry| text.is_at_or_after(&entry.text));
        let chain = std::iter::successors(after.checked_sub(1), |&at| self.entries[at].within);
        let entries = chain.map(|at| &self.entries[at]).filter(move |entry| text.begins_with(&entry.text));
        entries.map(|entry| entry.numbers.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_beginnings_are_found_and_nothing_else(
            texts in proptest::collection::vec("[ab]{0,5}", 0..20),
            text in "[abAB]{0,7}",
            backwards: bool,
            lower_case: bool,
        ) {
            let mut numbers: BTreeMap<Vec<u8>, Vec<u32>> = BTreeMap::new();
            for (number, text) in (0..).zip(&texts) {
                numbers.entry(text.clone().into_bytes()).or_default().push(number);
            }
            let mut looked_up = Text::forwards(text.as_bytes());
            if backwards {
                looked_up = looked_up.backwards();
            }
            if lower_case {
                looked_up = looked_up.lower_case();
            }
            let index = Beginnings::new(numbers);
            let mut found: Vec<u32> = index.prefixes_of(looked_up).flatten().copied().collect();
            found.sort_unstable();
            let mut read: Vec<char> = text.chars().collect();
            if backwards {
                read.reverse();
            }
            if lower_case {
                read.iter_mut().for_each(|c| *c = c.to_ascii_lowercase());
            }
            let read: String = read.into_iter().collect();
            let expected = (0..).zip(&texts).filter(|(_, text)| read.starts_with(*text)).map(|(number, _)| number);
            prop_assert_eq!(found, expected.collect::<Vec<u32>>());
        }
    }
}
