//! Applications: what a message of each means, and what is answered. The only part of the stack that knows the domain.
//!
//! Pure functions of a message and the time it was received: no sockets, no clocks, no store.

pub mod s6a;
