//! Size: what a long queue must not cost.

use lockkeeper::domain::locks::Mode;

use super::{forest, holds, wants};

#[test]
fn eight_hundred_exclusive_waiters_are_a_list_not_three_hundred_thousand_edges() {
    let mut rows = vec![holds(1, 1, Mode::AccessShare)];
    rows.extend((2..802).map(|pid| wants(pid, 1, Mode::AccessExclusive, i64::from(pid) % 50)));
    let forest = forest(&rows);
    assert_eq!(forest.nodes.len(), 801);
    assert_eq!((forest.nodes[0].victims, forest.nodes[0].frees), (800, 1));
    let edges: usize = forest.nodes.iter().map(|node| forest.also_behind(node).len()).sum();
    assert_eq!(edges, 320_400 - 800, "all edges but those to the parents");
}
