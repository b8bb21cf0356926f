//! What this node asks an HSS: User-Data and Subscribe-Notifications (TS 29.328 §6.1.1, §6.1.3).
//!
//! One Data-Reference for each request: more of them need a feature that not every HSS has (Notif-Eff, TS 29.328 §7.12).

use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::sh::{data_reference, requested_domain, requested_nodes, subs_req_type};
use crate::diameter::dict::{sh, tgpp};
use crate::domain::{Timestamp, Topic, User};

/// Writes User-Identity.
fn write_user(avps: &mut MessageBuilder<'_>, user: &User) {
    avps.group(&tgpp::USER_IDENTITY, |group| {
        match user {
            User::Msisdn(msisdn) => group.avp_tbcd(&tgpp::MSISDN, &msisdn.digits()),
            User::External(external) => group.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, external.text()),
        };
    });
}

/// Writes User-Identity as the public identity that a phone number is in IMS (TS 23.003 §13.4), which data of IMS is known
/// by; an external identifier as the SIP URI of the same form.
fn write_public_user(avps: &mut MessageBuilder<'_>, user: &User) {
    let uri = match user {
        User::Msisdn(msisdn) => format!("tel:+{}", msisdn.digits()),
        User::External(external) => format!("sip:{}", external.text()),
    };
    avps.group(&tgpp::USER_IDENTITY, |group| {
        group.avp_utf8(&tgpp::PUBLIC_IDENTITY, &uri);
    });
}

/// What an HSS can be asked about a user at once (User-Data).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Query {
    /// UserState of packet access: at MME, SGSN and AMF.
    PacketState,
    /// UserState of circuit-switched access: at the MSC.
    CircuitState,
    /// Which MME serves the user, by LocationInformation: the device is not paged for it, and where it is is not asked.
    ServingNode,
    /// SMSRegistrationInfo.
    SmsRegistration,
}

impl Query {
    /// Every query.
    pub const ALL: [Self; 4] = [
        Self::PacketState,
        Self::CircuitState,
        Self::ServingNode,
        Self::SmsRegistration,
    ];

    /// The name used in configuration and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::PacketState => "packet-state",
            Self::CircuitState => "circuit-state",
            Self::ServingNode => "serving-node",
            Self::SmsRegistration => "sms-registration",
        }
    }

    /// The query of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Appends what a User-Data-Request says beside its routing.
    pub fn write(self, avps: &mut MessageBuilder<'_>, user: &User) {
        write_user(avps, user);
        match self {
            Self::PacketState => avps
                .avp_i32(&tgpp::DATA_REFERENCE, data_reference::USER_STATE)
                .avp_i32(&tgpp::REQUESTED_DOMAIN, requested_domain::PS)
                .avp_u32(
                    &tgpp::REQUESTED_NODES,
                    requested_nodes::MME | requested_nodes::SGSN | requested_nodes::AMF,
                ),
            Self::CircuitState => avps
                .avp_i32(&tgpp::DATA_REFERENCE, data_reference::USER_STATE)
                .avp_i32(&tgpp::REQUESTED_DOMAIN, requested_domain::CS),
            Self::ServingNode => avps
                .avp_i32(&tgpp::DATA_REFERENCE, data_reference::LOCATION_INFORMATION)
                .avp_i32(&tgpp::REQUESTED_DOMAIN, requested_domain::PS)
                .avp_i32(
                    &tgpp::CURRENT_LOCATION,
                    sh::DO_NOT_NEED_INITIATE_ACTIVE_LOCATION_RETRIEVAL,
                )
                .avp_u32(&tgpp::REQUESTED_NODES, requested_nodes::MME)
                .avp_i32(&tgpp::SERVING_NODE_INDICATION, sh::ONLY_SERVING_NODES_REQUIRED),
            Self::SmsRegistration => {
                avps.avp_i32(&tgpp::DATA_REFERENCE, data_reference::SMS_REGISTRATION_INFO)
            }
        };
    }
}

/// Appends what a Subscribe-Notifications-Request says beside its routing: notify until then (`None`: no longer).
pub fn write_subscription(
    avps: &mut MessageBuilder<'_>,
    user: &User,
    topic: Topic,
    until: Option<Timestamp>,
) {
    match topic {
        Topic::Reachability => write_user(avps, user),
        Topic::ImsState => write_public_user(avps, user),
    }
    let (request_type, reference) = (
        match until {
            Some(_) => subs_req_type::SUBSCRIBE,
            None => subs_req_type::UNSUBSCRIBE,
        },
        match topic {
            Topic::Reachability => data_reference::UE_REACHABILITY_FOR_IP,
            Topic::ImsState => data_reference::IMS_USER_STATE,
        },
    );
    avps.avp_i32(&tgpp::SUBS_REQ_TYPE, request_type)
        .avp_i32(&tgpp::DATA_REFERENCE, reference);
    if topic == Topic::ImsState && until.is_some() {
        // What it is now comes with the answer.
        avps.avp_i32(&tgpp::SEND_DATA_INDICATION, sh::USER_DATA_REQUESTED);
    }
    if let Some(until) = until {
        avps.avp_time(&tgpp::EXPIRY_TIME, until.as_micros() / 1_000_000);
    }
    if topic.is_one_time() {
        avps.avp_i32(&tgpp::ONE_TIME_NOTIFICATION, sh::ONE_TIME_NOTIFICATION_REQUESTED);
    }
}
