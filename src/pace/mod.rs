//! Asking others at a bearable pace: never more than so many requests in a second, and nothing for a while when nobody
//! answers. Values that are told the time.

mod budget;
mod pause;

pub use budget::Budget;
pub use pause::Pause;
