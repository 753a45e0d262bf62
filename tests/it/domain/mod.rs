//! Tests of the layer `domain`.

mod activity;
mod age;
mod locks;
mod progress;
mod verdict;
