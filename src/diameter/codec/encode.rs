//! Writing messages: header and AVPs straight into the connection's buffer, lengths patched in afterwards.

use std::net::IpAddr;

use bytes::{BufMut, BytesMut};

use super::{Avp, AvpFlags, CommandFlags, Header, value};
use crate::diameter::dict::AvpDef;

/// Writes one message at the end of a buffer. The message is complete once [`Self::finish`] was called.
#[derive(Debug)]
#[must_use = "a message without finish() has no length"]
pub struct MessageBuilder<'b> {
    out: &'b mut BytesMut,
    start: usize,
}

impl<'b> MessageBuilder<'b> {
    /// A request. R is set whether `flags` has it or not.
    pub fn request(
        out: &'b mut BytesMut,
        flags: CommandFlags,
        command: u32,
        application: u32,
        hop_by_hop: u32,
        end_to_end: u32,
    ) -> Self {
        let flags = flags.with(CommandFlags::REQUEST);
        let header = Header {
            version: 1,
            length: 0,
            flags,
            command,
            application,
            hop_by_hop,
            end_to_end,
        };
        Self::begin(out, &header)
    }

    /// The answer to a request of that header: same command, application and identifiers, P copied, R and T clear, E
    /// set if `error` (RFC 6733 §6.2).
    pub fn answer(out: &'b mut BytesMut, request: &Header, error: bool) -> Self {
        let proxiable = request.flags.0 & CommandFlags::PROXIABLE.0;
        let error = if error { CommandFlags::ERROR.0 } else { 0 };
        let header = Header {
            version: 1,
            length: 0,
            flags: CommandFlags(proxiable | error),
            ..*request
        };
        Self::begin(out, &header)
    }

    /// AVPs without a message around them, to be sent within one later (see [`Self::encoded`]).
    pub fn avps(out: &'b mut BytesMut, write: impl FnOnce(&mut Self)) {
        let start = out.len();
        write(&mut Self { out, start });
    }

    fn begin(out: &'b mut BytesMut, header: &Header) -> Self {
        let start = out.len();
        header.write(out);
        Self { out, start }
    }

    /// Unsigned32.
    pub fn avp_u32(&mut self, def: &AvpDef, value: u32) -> &mut Self {
        self.avp_octets(def, &value.to_be_bytes())
    }

    /// Integer32 and Enumerated.
    pub fn avp_i32(&mut self, def: &AvpDef, value: i32) -> &mut Self {
        self.avp_octets(def, &value.to_be_bytes())
    }

    /// Unsigned64.
    pub fn avp_u64(&mut self, def: &AvpDef, value: u64) -> &mut Self {
        self.avp_octets(def, &value.to_be_bytes())
    }

    /// UTF8String, DiameterIdentity, DiameterURI.
    pub fn avp_utf8(&mut self, def: &AvpDef, value: &str) -> &mut Self {
        self.avp_octets(def, value.as_bytes())
    }

    /// Address.
    pub fn avp_address(&mut self, def: &AvpDef, value: IpAddr) -> &mut Self {
        self.avp(def, |out| match value {
            IpAddr::V4(v4) => {
                out.put_u16(1);
                out.put_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                out.put_u16(2);
                out.put_slice(&v6.octets());
            }
        })
    }

    /// Time, from seconds since 1970-01-01 UTC, between 1968 and 2104.
    pub fn avp_time(&mut self, def: &AvpDef, unix: i64) -> &mut Self {
        self.avp_u32(def, value::ntp_from_unix(unix))
    }

    /// Decimal digits as TBCD. Characters other than digits are left out.
    pub fn avp_tbcd(&mut self, def: &AvpDef, digits: &str) -> &mut Self {
        self.avp(def, |out| {
            let mut nibbles = digits
                .bytes()
                .filter(u8::is_ascii_digit)
                .map(|digit| digit - b'0');
            while let Some(low) = nibbles.next() {
                out.put_u8(low | nibbles.next().unwrap_or(0xf) << 4);
            }
        })
    }

    /// Any data as it is.
    pub fn avp_octets(&mut self, def: &AvpDef, data: &[u8]) -> &mut Self {
        self.avp(def, |out| out.put_slice(data))
    }

    /// An AVP copied through as received.
    pub fn raw(&mut self, avp: &Avp<'_>) -> &mut Self {
        let length = avp.bytes().len();
        self.out.put_slice(avp.bytes());
        self.out.put_bytes(0, length.next_multiple_of(4) - length);
        self
    }

    /// Whole AVPs that were encoded before, padding included.
    pub fn encoded(&mut self, avps: &[u8]) -> &mut Self {
        self.out.put_slice(avps);
        self
    }

    /// Grouped: its members are what `members` writes.
    pub fn group(&mut self, def: &AvpDef, members: impl FnOnce(&mut Self)) -> &mut Self {
        let at = self.open(def);
        members(self);
        self.close(at, def.flags());
        self
    }

    /// Writes the message's length. The message ends here.
    pub fn finish(&mut self) {
        let version_and_length = (self.out.len() - self.start) as u32 & 0x00ff_ffff | 1 << 24;
        self.patch(self.start, version_and_length);
    }

    fn avp(&mut self, def: &AvpDef, data: impl FnOnce(&mut BytesMut)) -> &mut Self {
        let at = self.open(def);
        data(self.out);
        self.close(at, def.flags());
        self
    }

    /// Writes an AVP's header without its length; returns where the AVP begins.
    fn open(&mut self, def: &AvpDef) -> usize {
        let at = self.out.len();
        self.out.put_u32(def.code);
        self.out.put_u32(0);
        if def.vendor != 0 {
            self.out.put_u32(def.vendor);
        }
        at
    }

    /// Writes an AVP's flags and length, and the padding behind it.
    fn close(&mut self, at: usize, flags: AvpFlags) {
        let length = self.out.len() - at;
        debug_assert!(length < 1 << 24, "no AVP written here is as long as 16 MiB");
        self.out.put_bytes(0, length.next_multiple_of(4) - length);
        self.patch(at + 4, length as u32 & 0x00ff_ffff | u32::from(flags.0) << 24);
    }

    fn patch(&mut self, at: usize, word: u32) {
        if let Some(place) = self.out.get_mut(at..).and_then(|out| out.first_chunk_mut()) {
            *place = word.to_be_bytes();
        }
    }
}
