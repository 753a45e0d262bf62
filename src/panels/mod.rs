//! The panels, each a vertical slice of state, keys and view.
