//! Asking others at a bearable pace: never more than so many requests in a second, nothing for a while when nobody
//! answers, and anew when whoever answered has lost what it knew. Values that are told the time.

mod budget;
mod hosts;
mod pause;
mod window;

pub use budget::Budget;
pub use hosts::Hosts;
pub use pause::Pause;
pub use window::Window;
