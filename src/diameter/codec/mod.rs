//! Bytes to messages and back (RFC 6733 §3, §4).
//!
//! Two kinds of trouble are told apart. A [`FramingError`] means that the stream's boundaries are lost: the connection
//! has to go. A [`Defect`] leaves a usable message and knows the answer that it deserves: Result-Code and Failed-AVP.
//! Nothing received is copied: [`Message`], [`Avp`] and [`Group`] borrow from the frame, and a sound message is decoded
//! without an allocation. Every length, count and depth is bounded. No clock, socket or domain type appears here.
//!
//! In reading order: [`frame`] (where a message ends), [`header`], [`avp`], [`value`] (types), [`message`],
//! [`defect`] and [`result_code`], [`encode`] (writing), [`answer`] (error answers).

pub mod answer;
pub mod avp;
pub mod defect;
pub mod encode;
pub mod frame;
pub mod header;
pub mod message;
pub mod result_code;
pub mod value;

#[cfg(test)]
mod tests;

pub use answer::{LocalIdentity, answer_error, answer_framing_error};
pub use avp::{Avp, AvpFlags, Avps, Group};
pub use defect::Defect;
pub use encode::MessageBuilder;
pub use frame::{FramingError, frame_length};
pub use header::{CommandFlags, Header};
pub use message::Message;
pub use result_code::{Answered, ExperimentalResult, ResultCode};
pub use value::TbcdDigits;
