//! What can be wrong with a wish to watch, beyond what can be wrong with a device.

use tonic::{Code, Status};

use super::request::MAX_DEVICES;
use crate::grpc::error::status;
use crate::northbound::error::LookupError;

/// Why nothing can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WatchError {
    /// Neither devices nor all.
    #[error("name devices, or ask for all")]
    Nothing,
    /// Devices and all.
    #[error("name devices or ask for all, not both")]
    Both,
    /// More than [`MAX_DEVICES`].
    #[error("at most {MAX_DEVICES} devices in one stream")]
    TooLong,
    /// One of the devices, counted from 0, is named wrongly.
    #[error("device {0}: {1}")]
    Device(usize, LookupError),
    /// One of the devices, counted from 0, is named by an address, which passes from device to device.
    #[error("device {0}: devices are watched by phone_number or network_access_identifier, not by address")]
    Address(usize),
    /// The cursor is none that was given out.
    #[error("a cursor as it was received, or none")]
    Cursor,
    /// The heartbeat is out of bounds.
    #[error("a duration from 1 s to 1 h")]
    Heartbeat,
    /// `max_age` is.
    #[error("{0}")]
    MaxAge(LookupError),
    /// As many streams as are configured are open.
    #[error("as many streams are open as watch.max_streams allows; try again later")]
    TooManyStreams,
    /// As many devices as are configured are watched.
    #[error("as many devices are watched as watch.max_devices allows; try again later")]
    TooManyDevices,
}

impl From<WatchError> for Status {
    fn from(error: WatchError) -> Self {
        let invalid = (Code::InvalidArgument, "INVALID_ARGUMENT");
        let (code, reason) = match error {
            WatchError::Nothing => (Code::InvalidArgument, "MISSING_IDENTIFIER"),
            WatchError::Address(_) => (Code::InvalidArgument, "UNSUPPORTED_IDENTIFIER"),
            WatchError::Device(_, error) | WatchError::MaxAge(error) => {
                let described = error.describe();
                (described.code, described.reason)
            }
            WatchError::Both | WatchError::TooLong | WatchError::Cursor | WatchError::Heartbeat => invalid,
            WatchError::TooManyStreams => (Code::ResourceExhausted, "TOO_MANY_STREAMS"),
            WatchError::TooManyDevices => (Code::ResourceExhausted, "TOO_MANY_DEVICES"),
        };
        let field = match error {
            WatchError::Nothing | WatchError::TooLong | WatchError::Device(..) | WatchError::Address(_) => {
                Some("devices")
            }
            WatchError::Both => Some("all"),
            WatchError::Cursor => Some("cursor"),
            WatchError::Heartbeat => Some("heartbeat_interval"),
            WatchError::MaxAge(_) => Some("max_age"),
            WatchError::TooManyStreams | WatchError::TooManyDevices => None,
        };
        status(code, reason, field, error.to_string())
    }
}
