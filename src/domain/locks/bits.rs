//! Sets of small numbers, looked at a word at a time: the set's own iterators go bit by
//! bit, and a queue of 800 has 320,400 edges.

use fixedbitset::FixedBitSet;

/// Puts a number below `size` into a set; one that has none yet takes no memory.
///
/// Most rows of a graph are empty: whoever waits blocks nobody as a rule.
pub(super) fn put(set: &mut FixedBitSet, number: usize, size: usize) {
    if set.len() < size {
        set.grow(size);
    }
    set.insert(number);
}

/// Returns the numbers that are in both sets, ascending.
pub(super) fn common(a: &FixedBitSet, b: &FixedBitSet) -> impl Iterator<Item = usize> {
    let words = a.as_slice().iter().zip(b.as_slice()).enumerate();
    words.flat_map(|(at, (a, b))| ones(at, a & b))
}

/// Returns the lowest number, in the words from that of `from`, that is in `a` and not in `b`.
pub(super) fn next_without(a: &FixedBitSet, b: &FixedBitSet, from: usize) -> Option<usize> {
    let words = a.as_slice().iter().zip(b.as_slice()).enumerate().skip(from / WORD);
    words.map(|(at, (a, b))| (at, a & !b)).find_map(|(at, word)| ones(at, word).next())
}

const WORD: usize = u32::BITS as usize;

fn ones(at: usize, mut word: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        (word != 0).then(|| {
            word &= word - 1;
            at * WORD + bit
        })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{FixedBitSet, WORD, common, next_without};

    fn numbers() -> impl Strategy<Value = BTreeSet<usize>> {
        prop::collection::btree_set(0..150usize, 0..150)
    }

    fn bits(numbers: &BTreeSet<usize>) -> FixedBitSet {
        let mut bits = FixedBitSet::with_capacity(150);
        bits.extend(numbers.iter().copied());
        bits
    }

    proptest! {
        #[test]
        fn words_tell_what_bits_tell(a in numbers(), b in numbers(), from in 0..150usize) {
            let shared: Vec<usize> = common(&bits(&a), &bits(&b)).collect();
            prop_assert_eq!(shared, a.intersection(&b).copied().collect::<Vec<_>>());
            let first = a.difference(&b).copied().find(|at| *at >= from / WORD * WORD);
            prop_assert_eq!(next_without(&bits(&a), &bits(&b), from), first);
        }
    }
}
