//! The message header (RFC 6733 §3).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+-----------------------------------------------+
//! |  Version = 1  |       Message Length, header included         |
//! +---------------+-----------------------------------------------+
//! |R P E T r r r r|                 Command Code                  |
//! +---------------+-----------------------------------------------+
//! |                        Application-Id                         |
//! +---------------------------------------------------------------+
//! |            Hop-by-Hop Identifier, of one connection           |
//! +---------------------------------------------------------------+
//! |            End-to-End Identifier, of the originator           |
//! +---------------------------------------------------------------+
//! |  AVPs …
//! ```

use bytes::{BufMut, BytesMut};

/// The command flags octet. Reserved bits are kept as received and ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CommandFlags(pub u8);

impl CommandFlags {
    /// R: the message is a request.
    pub const REQUEST: Self = Self(0x80);
    /// P: agents may forward it.
    pub const PROXIABLE: Self = Self(0x40);
    /// E: an answer in the error form, without the command's own grammar.
    pub const ERROR: Self = Self(0x20);
    /// T: sent again because the first sending got no answer.
    pub const RETRANSMITTED: Self = Self(0x10);

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// R is set.
    pub const fn is_request(self) -> bool {
        self.contains(Self::REQUEST)
    }

    /// P is set.
    pub const fn is_proxiable(self) -> bool {
        self.contains(Self::PROXIABLE)
    }

    /// E is set.
    pub const fn is_error(self) -> bool {
        self.contains(Self::ERROR)
    }

    /// T is set.
    pub const fn is_retransmitted(self) -> bool {
        self.contains(Self::RETRANSMITTED)
    }
}

/// The fixed first 20 octets of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// 1, or the message cannot be read.
    pub version: u8,
    /// Octets of the whole message, header and padding included. 24 bits on the wire.
    pub length: u32,
    /// R, P, E, T.
    pub flags: CommandFlags,
    /// Command code, 24 bits on the wire. Means something only together with the application.
    pub command: u32,
    /// Application-Id; 0 for the base protocol's own commands.
    pub application: u32,
    /// Pairs an answer with its request on one connection.
    pub hop_by_hop: u32,
    /// Together with Origin-Host, tells a duplicate from a new request.
    pub end_to_end: u32,
}

impl Header {
    /// Octets of a header.
    pub const LEN: usize = 20;

    /// Reads the header as it stands, without judging it; `None` if there are fewer than 20 octets.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<4>();
        let [version_length, flags_command, application, hop_by_hop, end_to_end] = words.first_chunk()?;
        let [version, length @ ..] = version_length;
        let [flags, command @ ..] = flags_command;
        Some(Self {
            version: *version,
            length: from_u24(*length),
            flags: CommandFlags(*flags),
            command: from_u24(*command),
            application: u32::from_be_bytes(*application),
            hop_by_hop: u32::from_be_bytes(*hop_by_hop),
            end_to_end: u32::from_be_bytes(*end_to_end),
        })
    }

    /// Appends the octets. Of length and command code the low 24 bits are written.
    pub fn write(&self, out: &mut BytesMut) {
        out.put_u32(self.length & 0x00ff_ffff | u32::from(self.version) << 24);
        out.put_u32(self.command & 0x00ff_ffff | u32::from(self.flags.0) << 24);
        out.put_u32(self.application);
        out.put_u32(self.hop_by_hop);
        out.put_u32(self.end_to_end);
    }
}

fn from_u24([high, middle, low]: [u8; 3]) -> u32 {
    u32::from_be_bytes([0, high, middle, low])
}
