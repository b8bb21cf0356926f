//! Peers without I/O: the state machine of RFC 6733 §5.6, the watchdog of RFC 3539, and the base protocol's messages.
//!
//! Everything here is a value that takes messages, events and the present, and hands out actions. No socket, task, clock
//! or random device; jitter comes from a seed given at construction, so that every run can be repeated. Why it is cut
//! this way, the tables and what we added to them: LIFECYCLE.md beside this file.
//!
//! In reading order: [`fsm`], [`election`], [`watchdog`], [`timer`], [`capabilities`], [`messages`], [`origin_state`],
//! [`admission`], [`duplicates`]; for requests of our own [`identifiers`], [`window`], [`pending`].

pub mod admission;
pub mod capabilities;
pub mod duplicates;
pub mod election;
pub mod fsm;
pub mod identifiers;
pub mod messages;
pub mod origin_state;
pub mod pending;
pub mod timer;
pub mod watchdog;
pub mod window;

#[cfg(test)]
mod tests;
