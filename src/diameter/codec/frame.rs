//! Where a message begins and ends in a stream of octets (RFC 6733 §3).
//!
//! Judges version and length before anything is reserved for the message. Whoever reads the stream grows its buffer by
//! what has arrived, never by what a header claims.

use super::{Header, ResultCode};

/// The stream's message boundaries are lost. Answer with [`FramingError::result_code`] where a header is there, then
/// close the connection: nothing after this point can be trusted to be the start of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    /// The version is not 1 (5011).
    #[error("Diameter version {} is not supported", header.version)]
    Version {
        /// The header as received.
        header: Header,
    },
    /// The length is below 20, above the limit, not a multiple of 4, or not that of the frame (5015).
    #[error("invalid Diameter message length")]
    Length {
        /// The header as received, if there were 20 octets.
        header: Option<Header>,
    },
}

impl FramingError {
    /// The header, if there were 20 octets to read it from.
    pub fn header(&self) -> Option<&Header> {
        match self {
            Self::Version { header } => Some(header),
            Self::Length { header } => header.as_ref(),
        }
    }

    /// What to answer.
    pub fn result_code(&self) -> ResultCode {
        match self {
            Self::Version { .. } => ResultCode::UNSUPPORTED_VERSION,
            Self::Length { .. } => ResultCode::INVALID_MESSAGE_LENGTH,
        }
    }
}

/// The length of the message that `buf` begins with, as soon as its header is there; `Ok(None)` if more octets are
/// needed to tell. The message itself may be incomplete still: compare with `buf.len()`.
///
/// `max` is the greatest message accepted, in octets.
///
/// # Errors
///
/// The version is not 1, or the length is below 20, not a multiple of 4 or above `max`.
pub fn frame_length(buf: &[u8], max: usize) -> Result<Option<usize>, FramingError> {
    let Some(header) = Header::read(buf) else {
        return Ok(None);
    };
    check(&header, max).map(Some)
}

/// The length a header claims, if it is a possible one.
pub(super) fn check(header: &Header, max: usize) -> Result<usize, FramingError> {
    if header.version != 1 {
        return Err(FramingError::Version { header: *header });
    }
    match usize::try_from(header.length) {
        Ok(length) if length >= Header::LEN && length.is_multiple_of(4) && length <= max => Ok(length),
        _ => Err(FramingError::Length {
            header: Some(*header),
        }),
    }
}
