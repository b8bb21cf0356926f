//! What the fuzz targets do with their octets. The ordinary tests replay the kept corpora through the very same
//! functions, so nothing here knows of a fuzzer: `run` takes octets, and panics if something does not hold.

pub mod capabilities;
pub mod frames;
pub mod message_decode;
pub mod message_roundtrip;
pub mod peer_events;
pub mod sh_data;
