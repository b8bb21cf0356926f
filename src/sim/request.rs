//! Events as the requests that a DRA copies (TS 29.272 §7.2).
//!
//! The request is the MME's or the HSS's own, so Origin-Host is theirs and not the peer's; the DRA shows in Route-Record
//! (RFC 6733 §6.1.9). Everything that is the same in all requests is made once.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::BytesMut;

use super::mix::Kind;
use super::population::{HSS, Mme, NODES, REALM, VISITED_PLMN};
use super::scenario::Event;
use crate::diameter::codec::{CommandFlags, MessageBuilder};
use crate::diameter::dict::s6a::{cancellation_type, clr_flags, nor_flags, ulr_flags};
use crate::diameter::dict::{CommandDef, base, s6a, tgpp};

/// RAT-Type of LTE (TS 29.212 §5.3.31).
const EUTRAN: i32 = 1004;

/// Writes the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    nodes: Vec<String>,
    route_record: Arc<str>,
    /// Distinguishes the sessions of this run from those of any other (RFC 6733 §8.8).
    session_high: u32,
    session_low: u32,
    session_step: u32,
    end_to_end: u32,
    session_id: String,
    digits: String,
}

impl Requests {
    /// `route_record` is the identity of the DRA. Connection `index` of `of` takes every `of`-th session and
    /// End-to-End Identifier, from where `boot` (seconds since 1970) puts them (RFC 6733 §3).
    pub fn new(route_record: Arc<str>, boot: u32, index: u32, of: u32) -> Self {
        Self {
            nodes: (0..NODES).map(|node| Mme(node).identity()).collect(),
            route_record,
            session_high: boot,
            session_low: index,
            session_step: of.max(1),
            end_to_end: (boot << 20).wrapping_add(index),
            session_id: String::new(),
            digits: String::new(),
        }
    }

    /// Appends the request for an event.
    pub fn write(&mut self, out: &mut BytesMut, hop_by_hop: u32, event: &Event) {
        self.digits.clear();
        event.device.write_imsi(&mut self.digits);
        let node = self
            .nodes
            .get(usize::from(event.node.0))
            .map_or(HSS, String::as_str);
        let (command, from, to) = match event.kind {
            Kind::Attach | Kind::Update | Kind::Move => (&s6a::UPDATE_LOCATION, node, HSS),
            Kind::Purge | Kind::LatePurge => (&s6a::PURGE_UE, node, HSS),
            Kind::Notify => (&s6a::NOTIFY, node, HSS),
            Kind::LateCancel | Kind::Withdraw => (&s6a::CANCEL_LOCATION, HSS, node),
            Kind::Insert => (&s6a::INSERT_SUBSCRIBER_DATA, HSS, node),
        };
        self.session_id.clear();
        let (high, low) = (self.session_high, self.session_low);
        // Writing into a String cannot fail.
        let _ = write!(self.session_id, "{from};{high};{low}");

        let mut request = begin(out, command, hop_by_hop, self.end_to_end);
        request
            .avp_utf8(&base::SESSION_ID, &self.session_id)
            .group(&base::VENDOR_SPECIFIC_APPLICATION_ID, |group| {
                group
                    .avp_u32(&base::VENDOR_ID, s6a::VENDOR_ID)
                    .avp_u32(&base::AUTH_APPLICATION_ID, s6a::APPLICATION);
            })
            .avp_i32(
                &base::AUTH_SESSION_STATE,
                base::auth_session_state::NO_STATE_MAINTAINED,
            )
            .avp_utf8(&base::ORIGIN_HOST, from)
            .avp_utf8(&base::ORIGIN_REALM, REALM)
            .avp_utf8(&base::DESTINATION_HOST, to)
            .avp_utf8(&base::DESTINATION_REALM, REALM)
            .avp_utf8(&base::USER_NAME, &self.digits);
        match event.kind {
            Kind::Attach => update_location(
                &mut request,
                ulr_flags::S6A_S6D_INDICATOR | ulr_flags::INITIAL_ATTACH,
            ),
            Kind::Update | Kind::Move => update_location(&mut request, ulr_flags::S6A_S6D_INDICATOR),
            Kind::Purge | Kind::LatePurge => {}
            Kind::Notify => {
                request.avp_u32(&tgpp::NOR_FLAGS, nor_flags::UE_REACHABLE_FROM_MME);
            }
            Kind::LateCancel => {
                request
                    .avp_i32(&tgpp::CANCELLATION_TYPE, cancellation_type::MME_UPDATE_PROCEDURE)
                    .avp_u32(&tgpp::CLR_FLAGS, clr_flags::S6A_S6D_INDICATOR);
            }
            Kind::Withdraw => {
                request.avp_i32(
                    &tgpp::CANCELLATION_TYPE,
                    cancellation_type::SUBSCRIPTION_WITHDRAWAL,
                );
            }
            Kind::Insert => {
                request.group(&tgpp::SUBSCRIPTION_DATA, |data| {
                    data.avp_tbcd(&tgpp::MSISDN, &event.device.phone_number());
                });
            }
        }
        request.avp_utf8(&base::ROUTE_RECORD, &self.route_record);
        request.finish();
        self.session_low = low.wrapping_add(self.session_step);
        self.end_to_end = self.end_to_end.wrapping_add(self.session_step);
    }
}

fn begin<'b>(
    out: &'b mut BytesMut,
    command: &CommandDef,
    hop_by_hop: u32,
    end_to_end: u32,
) -> MessageBuilder<'b> {
    let flags = CommandFlags::REQUEST.with(CommandFlags::PROXIABLE);
    MessageBuilder::request(
        out,
        flags,
        command.code,
        command.application,
        hop_by_hop,
        end_to_end,
    )
}

fn update_location(request: &mut MessageBuilder<'_>, flags: u32) {
    request
        .avp_i32(&tgpp::RAT_TYPE, EUTRAN)
        .avp_u32(&tgpp::ULR_FLAGS, flags)
        .avp_octets(&tgpp::VISITED_PLMN_ID, &VISITED_PLMN);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::diameter::codec::Message;
    use crate::diameter::dict::check_request;
    use crate::sim::population::Device;

    fn write(requests: &mut Requests, kind: Kind) -> BytesMut {
        let mut out = BytesMut::new();
        let event = Event {
            device: Device(7),
            kind,
            node: Mme(3),
        };
        requests.write(&mut out, 5, &event);
        out
    }

    fn text(message: &Message<'_>, def: &crate::diameter::dict::AvpDef) -> String {
        String::from_utf8(message.find(def).unwrap().data.to_vec()).unwrap()
    }

    #[test]
    fn every_request_keeps_the_grammar_of_its_command() {
        let mut requests = Requests::new("dra1.sim.example".into(), 1_700_000_000, 0, 1);
        for kind in Kind::ALL {
            let bytes = write(&mut requests, kind);
            let message = Message::decode(&bytes).unwrap();
            assert!(message.defects().is_empty(), "{kind:?}");
            let command = s6a::command_of(message.header().command).unwrap();
            assert_eq!(check_request(&message, command), Ok(()), "{kind:?}");
            assert_eq!(text(&message, &base::USER_NAME), "999010000000007");
            assert_eq!(text(&message, &base::ROUTE_RECORD), "dra1.sim.example");
        }
    }

    #[test]
    fn the_mme_is_where_its_command_puts_it_and_the_dra_is_not_the_origin() {
        let mut requests = Requests::new("dra1.sim.example".into(), 1, 0, 1);
        let mme = "mme04.epc.mnc001.mcc999.3gppnetwork.org";
        for (kind, at) in [
            (Kind::Attach, &base::ORIGIN_HOST),
            (Kind::LatePurge, &base::ORIGIN_HOST),
            (Kind::Notify, &base::ORIGIN_HOST),
            (Kind::Withdraw, &base::DESTINATION_HOST),
            (Kind::Insert, &base::DESTINATION_HOST),
        ] {
            let bytes = write(&mut requests, kind);
            assert_eq!(text(&Message::decode(&bytes).unwrap(), at), mme, "{kind:?}");
        }
    }

    #[test]
    fn no_two_requests_of_any_connection_share_a_session_or_an_end_to_end_identifier() {
        let mut seen = std::collections::HashSet::new();
        for index in 0..3 {
            let mut requests = Requests::new("dra1.sim.example".into(), 1_700_000_000, index, 3);
            for _ in 0..100 {
                let bytes = write(&mut requests, Kind::Purge);
                let message = Message::decode(&bytes).unwrap();
                let session = text(&message, &base::SESSION_ID);
                assert!(seen.insert((session, 0)));
                assert!(seen.insert((String::new(), message.header().end_to_end)));
            }
        }
    }
}
