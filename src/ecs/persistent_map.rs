//! An ordered map of which a copy costs nothing, and the difference from a copy what differs.
//!
//! Entries are kept in sorted chunks, and a copy shares them all. A change copies the one chunk that it is in and the list
//! of chunks, unless they are not shared. Two copies are compared by walking both lists and leaving out every chunk that
//! they share. With 10,000 entries a change copies some 64 entries and 200 pointers, whatever else the map holds.
//! (Crates have such maps, but `rpds` cannot tell two copies apart without reading both, and `imbl` is under a licence that
//! a binary of ours may not contain.)

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::Index;
use std::sync::Arc;

/// A chunk with more entries is split in two.
const MOST: usize = 64;
/// A chunk with fewer is joined with a neighbour if both fit in one.
const FEW: usize = 16;

/// An ordered map. Cheap to clone.
pub struct PersistentMap<K, V> {
    /// In order, none of them empty.
    chunks: Arc<Vec<Chunk<K, V>>>,
}

/// In order of keys.
type Chunk<K, V> = Arc<Vec<(K, Arc<V>)>>;

/// Some of a map's.
type Chunks<'m, K, V> = Vec<&'m Chunk<K, V>>;

/// What two copies have under one key, if that is not the same.
#[derive(Debug)]
pub struct Difference<'m, K, V> {
    /// The key.
    pub key: &'m K,
    /// What the earlier copy has.
    pub before: Option<&'m Arc<V>>,
    /// What the later one has.
    pub after: Option<&'m Arc<V>>,
}

impl<K, V> PersistentMap<K, V> {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.len()).sum()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// In order of keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.shared().map(|(key, value)| (key, &**value))
    }

    /// In order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// In order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    fn shared(&self) -> impl DoubleEndedIterator<Item = (&K, &Arc<V>)> {
        self.chunks.iter().flat_map(|chunk| chunk.iter()).map(|(key, value)| (key, value))
    }
}

impl<K: Ord, V> PersistentMap<K, V> {
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (chunk, place) = self.find(key);
        place.ok().map(|place| &*self.chunks[chunk][place].1)
    }

    /// Whether the key has a value.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).1.is_ok()
    }

    /// The chunk and the place in it, or where the key would have to be inserted.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, Result<usize, usize>)
    where
        K: Borrow<Q>,
    {
        let chunk = self.chunks.partition_point(|chunk| chunk[0].0.borrow() <= key).saturating_sub(1);
        let place = self
            .chunks
            .get(chunk)
            .map_or(Err(0), |entries| entries.binary_search_by(|(other, _)| other.borrow().cmp(key)));
        (chunk, place)
    }
}

impl<K: Ord + Clone, V: Clone> PersistentMap<K, V> {
    /// The value of a key, to be changed: that copies it if another copy of the map has it too, so ask only for what
    /// changes.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (chunk, place) = self.find(key);
        place.ok().map(|place| self.value_mut(chunk, place))
    }

    /// Likewise; a key without a value is given one first.
    pub fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &mut V {
        let (mut chunk, mut place) = self.find(&key);
        if place.is_err() {
            self.insert(key.clone(), value());
            (chunk, place) = self.find(&key);
        }
        let (Ok(place) | Err(place)) = place;
        self.value_mut(chunk, place)
    }

    /// Gives a key a value, in place of the one that it has.
    pub fn insert(&mut self, key: K, value: V) {
        let (chunk, place) = self.find(&key);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(entries) = chunks.get_mut(chunk).map(Arc::make_mut) else {
            chunks.push(Arc::new(vec![(key, Arc::new(value))]));
            return;
        };
        match place {
            Ok(place) => entries[place].1 = Arc::new(value),
            Err(place) => {
                entries.insert(place, (key, Arc::new(value)));
                if entries.len() > MOST {
                    let rest = entries.split_off(MOST / 2);
                    chunks.insert(chunk + 1, Arc::new(rest));
                }
            }
        }
    }

    /// Takes a key and its value out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let (chunk, Ok(place)) = self.find(key) else { return };
        let chunks = Arc::make_mut(&mut self.chunks);
        let entries = Arc::make_mut(&mut chunks[chunk]);
        entries.remove(place);
        let left = entries.len();
        let fits = |other: &Chunk<K, V>| other.len() + left <= MOST;
        if left == 0 {
            chunks.remove(chunk);
        } else if left < FEW && chunks.get(chunk + 1).is_some_and(fits) {
            let next = chunks.remove(chunk + 1);
            Arc::make_mut(&mut chunks[chunk]).extend(next.iter().cloned());
        } else if left < FEW && chunk > 0 && fits(&chunks[chunk - 1]) {
            let this = chunks.remove(chunk);
            Arc::make_mut(&mut chunks[chunk - 1]).extend(this.iter().cloned());
        }
    }

    /// Takes out all that is not to stay.
    pub fn retain(&mut self, stays: impl Fn(&K, &V) -> bool) {
        let gone: Vec<K> = self.iter().filter(|(key, value)| !stays(key, value)).map(|(key, _)| key.clone()).collect();
        gone.iter().for_each(|key| self.remove(key));
    }

    /// Changes every value for which `which` holds, and copies no other.
    pub fn change_each(&mut self, which: impl Fn(&K, &V) -> bool, mut change: impl FnMut(&mut V)) {
        let these: Vec<K> = self.iter().filter(|(key, value)| which(key, value)).map(|(key, _)| key.clone()).collect();
        for key in &these {
            if let Some(value) = self.get_mut(key) {
                change(value);
            }
        }
    }

    fn value_mut(&mut self, chunk: usize, place: usize) -> &mut V {
        let chunk = &mut Arc::make_mut(&mut self.chunks)[chunk];
        Arc::make_mut(&mut Arc::make_mut(chunk)[place].1)
    }
}

impl<K: Ord, V: PartialEq> PersistentMap<K, V> {
    /// All in which a later copy differs, in order of keys.
    pub fn differences<'m>(&'m self, later: &'m Self) -> impl Iterator<Item = Difference<'m, K, V>> {
        let (before, after) = unshared(&self.chunks, &later.chunks);
        let entries = |chunks: Chunks<'m, K, V>| chunks.into_iter().flat_map(|chunk| chunk.iter()).peekable();
        let (mut before, mut after) = (entries(before), entries(after));
        let pairs = std::iter::from_fn(move || {
            let order = match (before.peek(), after.peek()) {
                (Some((before, _)), Some((after, _))) => before.cmp(after),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return None,
            };
            let before = if order.is_le() { before.next() } else { None };
            let after = if order.is_ge() { after.next() } else { None };
            let (key, _) = before.or(after)?;
            Some(Difference { key, before: before.map(|(_, value)| value), after: after.map(|(_, value)| value) })
        });
        pairs.filter(|pair| match (pair.before, pair.after) {
            (Some(before), Some(after)) => !Arc::ptr_eq(before, after) && before != after,
            _ => true,
        })
    }
}

/// The chunks that only one of two lists has. Both are in order, so a chunk that both have is met at the same time.
fn unshared<'m, K: Ord, V>(
    before: &'m [Chunk<K, V>],
    after: &'m [Chunk<K, V>],
) -> (Chunks<'m, K, V>, Chunks<'m, K, V>) {
    let (mut only_before, mut only_after) = (Vec::new(), Vec::new());
    if std::ptr::eq(before, after) {
        return (only_before, only_after);
    }
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (Some(one), Some(other)) if Arc::ptr_eq(one, other) => {
                before.next();
                after.next();
                continue;
            }
            (Some(one), Some(other)) => one[0].0.cmp(&other[0].0),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return (only_before, only_after),
        };
        if order.is_le() {
            only_before.extend(before.next());
        }
        if order.is_ge() {
            only_after.extend(after.next());
        }
    }
}

impl<K, V> Clone for PersistentMap<K, V> {
    fn clone(&self) -> Self {
        Self { chunks: Arc::clone(&self.chunks) }
    }
}

impl<K, V> Default for PersistentMap<K, V> {
    fn default() -> Self {
        Self { chunks: Arc::default() }
    }
}

impl<K: Ord, V: PartialEq> PartialEq for PersistentMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.differences(other).next().is_none()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for PersistentMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for PersistentMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no value under this key")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Operation {
        Insert(u16, u8),
        Add(u16),
        Remove(u16),
        Retain(u8),
        Change(u8),
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            8 => (0_u16..400, any::<u8>()).prop_map(|(key, value)| Operation::Insert(key, value)),
            4 => (0_u16..400).prop_map(Operation::Add),
            4 => (0_u16..400).prop_map(Operation::Remove),
            1 => any::<u8>().prop_map(Operation::Retain),
            1 => any::<u8>().prop_map(Operation::Change),
        ]
    }

    fn carry_out(operation: &Operation, map: &mut PersistentMap<u16, u8>, model: &mut BTreeMap<u16, u8>) {
        match *operation {
            Operation::Insert(key, value) => {
                map.insert(key, value);
                model.insert(key, value);
            }
            Operation::Add(key) => {
                for value in [map.get_or_insert_with(key, || 7), model.entry(key).or_insert(7)] {
                    *value = value.wrapping_add(1);
                }
            }
            Operation::Remove(key) => {
                map.remove(&key);
                model.remove(&key);
            }
            Operation::Retain(most) => {
                map.retain(|_, value| *value <= most);
                model.retain(|_, value| *value <= most);
            }
            Operation::Change(value) => {
                map.change_each(|_, other| *other == value, |other| *other = 0);
                model.values_mut().filter(|other| **other == value).for_each(|other| *other = 0);
            }
        }
    }

    proptest! {
        #[test]
        fn it_does_what_an_ordered_map_does_and_leaves_its_copies_alone(
            first in prop::collection::vec(operation(), 0..600),
            second in prop::collection::vec(operation(), 0..40),
        ) {
            let (mut map, mut model) = (PersistentMap::default(), BTreeMap::new());
            first.iter().for_each(|operation| carry_out(operation, &mut map, &mut model));
            let (copy, model_then) = (map.clone(), model.clone());
            second.iter().for_each(|operation| carry_out(operation, &mut map, &mut model));
            prop_assert!(copy.iter().eq(model_then.iter()));
            prop_assert!(map.iter().eq(model.iter()));
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.is_empty(), model.is_empty());
            prop_assert!(map.chunks.iter().all(|chunk| (1..=MOST).contains(&chunk.len())));
            for key in 0..400 {
                prop_assert_eq!(map.get(&key), model.get(&key));
                prop_assert_eq!(map.contains_key(&key), model.contains_key(&key));
            }

            let keys: BTreeSet<u16> = model.keys().chain(model_then.keys()).copied().collect();
            let expected = keys.iter().map(|key| (*key, model_then.get(key).copied(), model.get(key).copied()));
            let expected: Vec<_> = expected.filter(|(_, before, after)| before != after).collect();
            let found = copy.differences(&map).map(|pair| (*pair.key, pair.before.map(|it| **it), pair.after.map(|it| **it)));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected);
            prop_assert_eq!(copy == map, model_then == model);
        }
    }

    #[test]
    fn a_change_copies_one_chunk_and_is_found_by_looking_at_one() {
        let mut map = PersistentMap::default();
        (0..10_000).for_each(|key| map.insert(key, 0));
        let copy = map.clone();
        *map.get_mut(&5_000).unwrap() += 1;
        let (before, after) = unshared(&copy.chunks, &map.chunks);
        assert_eq!((before.len(), after.len()), (1, 1));
        map.insert(20_000, 1);
        map.remove(&0);
        let (before, after) = unshared(&copy.chunks, &map.chunks);
        assert!(before.len() <= 3 && after.len() <= 4, "{} and {}", before.len(), after.len());
    }

    #[test]
    fn many_removals_leave_few_chunks() {
        let mut map = PersistentMap::default();
        (0..10_000).for_each(|key| map.insert(key, 0));
        map.retain(|key, _| key % 100 == 0);
        assert_eq!(map.len(), 100);
        assert!(map.chunks.len() <= 100 / (FEW / 2), "{}", map.chunks.len());
    }
}
