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
        let [
            v,
            l0,
            l1,
            l2,
            f,
            c0,
            c1,
            c2,
            a0,
            a1,
            a2,
            a3,
            h0,
            h1,
            h2,
            h3,
            e0,
            e1,
            e2,
            e3,
        ] = *bytes.first_chunk::<{ Self::LEN }>()?;
        Some(Self {
            version: v,
            length: u32::from_be_bytes([0, l0, l1, l2]),
            flags: CommandFlags(f),
            command: u32::from_be_bytes([0, c0, c1, c2]),
            application: u32::from_be_bytes([a0, a1, a2, a3]),
            hop_by_hop: u32::from_be_bytes([h0, h1, h2, h3]),
            end_to_end: u32::from_be_bytes([e0, e1, e2, e3]),
        })
    }

    /// The octets. Of length and command code the low 24 bits are written.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let [_, l0, l1, l2] = self.length.to_be_bytes();
        let [_, c0, c1, c2] = self.command.to_be_bytes();
        let [a0, a1, a2, a3] = self.application.to_be_bytes();
        let [h0, h1, h2, h3] = self.hop_by_hop.to_be_bytes();
        let [e0, e1, e2, e3] = self.end_to_end.to_be_bytes();
        [
            self.version,
            l0,
            l1,
            l2,
            self.flags.0,
            c0,
            c1,
            c2,
            a0,
            a1,
            a2,
            a3,
            h0,
            h1,
            h2,
            h3,
            e0,
            e1,
            e2,
            e3,
        ]
    }
}
