//! What a caller says of a request, and the message made of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::LONGEST_WAIT;
use crate::diameter::codec::{CommandFlags, Header, LocalIdentity, MessageBuilder};
use crate::diameter::dict::{self, Advertised, AvpDef, CommandDef, base};

/// A request of our own: what it is, where it goes, how long it may take.
#[derive(Clone)]
pub struct OwnRequest {
    pub(super) command: &'static CommandDef,
    pub(super) realm: Arc<str>,
    pub(super) host: Option<Arc<str>>,
    pub(super) avps: Box<[u8]>,
    pub(super) within: Duration,
}

impl OwnRequest {
    /// A request of that command, and thereby of that application, to any host of a realm.
    ///
    /// `avps` writes everything behind the routing AVPs; what [`Client::request`](super::Client::request) writes itself
    /// must not be among it. `within` runs from the moment the request is made to the answer; more than an hour counts as
    /// an hour.
    ///
    /// ```
    /// use std::time::Duration;
    /// use reachd::diameter::client::OwnRequest;
    /// use reachd::diameter::dict::{base, s6a};
    ///
    /// let request = OwnRequest::new(&s6a::PURGE_UE, "epc.example", Duration::from_secs(10), |avps| {
    ///     avps.avp_utf8(&base::USER_NAME, "001010000000001");
    /// })
    /// .to_host("hss1.epc.example");
    /// # let _ = request;
    /// ```
    #[must_use]
    pub fn new(
        command: &'static CommandDef,
        realm: &str,
        within: Duration,
        avps: impl FnOnce(&mut MessageBuilder<'_>),
    ) -> Self {
        let mut octets = BytesMut::new();
        MessageBuilder::avps(&mut octets, avps);
        Self {
            command,
            realm: realm.into(),
            host: None,
            avps: Box::from(&octets[..]),
            within: within.min(LONGEST_WAIT),
        }
    }

    /// The same request to that host of the realm alone.
    #[must_use]
    pub fn to_host(self, host: &str) -> Self {
        Self {
            host: Some(host.into()),
            ..self
        }
    }

    /// All AVPs of the message, padded.
    pub(super) fn encode(&self, identity: &LocalIdentity, session_id: &str) -> Box<[u8]> {
        let Self { command, .. } = self;
        let mut octets = BytesMut::with_capacity(256 + self.avps.len());
        MessageBuilder::avps(&mut octets, |avps| {
            avps.avp_utf8(&base::SESSION_ID, session_id);
            if command.requires(&base::VENDOR_SPECIFIC_APPLICATION_ID) {
                write_application(avps, command.application);
            }
            // Accounting keeps no authorization session (RFC 6733 §9).
            if command.application != base::APPLICATION_ACCOUNTING {
                let stateless = base::auth_session_state::NO_STATE_MAINTAINED;
                avps.avp_i32(&base::AUTH_SESSION_STATE, stateless);
            }
            avps.avp_utf8(&base::ORIGIN_HOST, &identity.origin_host)
                .avp_utf8(&base::ORIGIN_REALM, &identity.origin_realm);
            if let Some(host) = &self.host {
                avps.avp_utf8(&base::DESTINATION_HOST, host);
            }
            avps.avp_utf8(&base::DESTINATION_REALM, &self.realm)
                .encoded(&self.avps);
        });
        Box::from(&octets[..])
    }

    /// The header, but for Hop-by-Hop Identifier and length.
    pub(super) const fn header(&self, end_to_end: u32) -> Header {
        Header {
            version: 1,
            length: 0,
            flags: if self.command.proxiable {
                CommandFlags::REQUEST.with(CommandFlags::PROXIABLE)
            } else {
                CommandFlags::REQUEST
            },
            command: self.command.code,
            application: self.command.application,
            hop_by_hop: 0,
            end_to_end,
        }
    }
}

/// Vendor-Specific-Application-Id (RFC 6733 §6.11).
fn write_application(avps: &mut MessageBuilder<'_>, application: u32) {
    let (vendor, id): (u32, &AvpDef) = match dict::application(application).map(|known| known.advertised) {
        Some(Advertised::VendorSpecific { vendor }) => (vendor, &base::AUTH_APPLICATION_ID),
        Some(Advertised::Accounting) => (0, &base::ACCT_APPLICATION_ID),
        None => (dict::tgpp::VENDOR_ID, &base::AUTH_APPLICATION_ID),
    };
    avps.group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
        group.avp_u32(&base::VENDOR_ID, vendor).avp_u32(id, application);
    });
}

impl std::fmt::Debug for OwnRequest {
    /// Without its AVPs: they name subscribers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnRequest")
            .field("command", &self.command.name)
            .field("realm", &self.realm)
            .field("host", &self.host)
            .field("within", &self.within)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::diameter::codec::Message;
    use crate::diameter::dict::accounting;

    const APPLICATION: u32 = 16_777_217;

    fn command(application: u32, required: &'static [&'static [AvpDef]]) -> CommandDef {
        CommandDef {
            code: 308,
            application,
            name: "Subscribe-Notifications",
            request: "SNR",
            answer: "SNA",
            proxiable: true,
            required,
            optional: &[],
        }
    }

    /// The codes of the AVPs in the order in which they are written.
    fn written(command: CommandDef, to_host: bool) -> (Vec<u32>, Vec<u8>) {
        let command = Box::leak(Box::new(command));
        let request = OwnRequest::new(command, "home.example", Duration::from_secs(1), |avps| {
            avps.avp_utf8(&base::USER_NAME, "1");
        });
        let request = if to_host {
            request.to_host("hss1.home.example")
        } else {
            request
        };
        let identity = LocalIdentity {
            origin_host: "reachd.example".into(),
            origin_realm: "example".into(),
        };
        let avps = request.encode(&identity, "reachd.example;1;2");
        let mut frame = BytesMut::new();
        let header = Header {
            length: (Header::LEN + avps.len()) as u32,
            ..request.header(7)
        };
        header.write(&mut frame);
        frame.extend_from_slice(&avps);
        let message = Message::decode(&frame).unwrap();
        assert_eq!(message.defects(), []);
        assert_eq!(message.session_id(), Some(&b"reachd.example;1;2"[..]));
        let application = message
            .find(&base::VENDOR_SPECIFIC_APPLICATION_ID)
            .map(|avp| avp.data.to_vec());
        let codes = message.avps().map(|avp| avp.code).collect();
        (codes, application.unwrap_or_default())
    }

    #[test]
    fn what_the_command_requires_is_written_around_what_the_caller_gives() {
        let plain = command(APPLICATION, &[&[base::SESSION_ID]]);
        assert_eq!(written(plain, false).0, [263, 277, 264, 296, 283, 1]);
        assert_eq!(written(plain, true).0, [263, 277, 264, 296, 293, 283, 1]);
        let named = command(APPLICATION, &[&[], &[base::VENDOR_SPECIFIC_APPLICATION_ID]]);
        let (codes, application) = written(named, false);
        assert_eq!(codes, [263, 260, 277, 264, 296, 283, 1]);
        let mut expected = BytesMut::new();
        MessageBuilder::avps(&mut expected, |avps| {
            avps.avp_u32(&base::VENDOR_ID, 10_415)
                .avp_u32(&base::AUTH_APPLICATION_ID, APPLICATION);
        });
        assert_eq!(application, expected);
    }

    #[test]
    fn accounting_keeps_no_authorization_session() {
        let accounting = command(accounting::APPLICATION, &[]);
        assert_eq!(written(accounting, false).0, [263, 264, 296, 283, 1]);
    }
}
