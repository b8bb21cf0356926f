//! Asking the network to watch subscribers and groups, and keeping it asked (S6t, TS 29.336 §5).

pub mod plan;
