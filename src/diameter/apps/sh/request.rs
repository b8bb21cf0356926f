//! What this node asks an HSS: User-Data and Subscribe-Notifications (TS 29.328 §6.1.1, §6.1.3).
//!
//! One Data-Reference for each request: more of them need a feature that not every HSS has (Notif-Eff, TS 29.328 §7.12).

use crate::diameter::codec::MessageBuilder;
use crate::diameter::dict::sh::{data_reference, requested_domain, requested_nodes, subs_req_type};
use crate::diameter::dict::{sh, tgpp};
use crate::domain::{ExternalIdentifier, Identifier, Msisdn, SubscriberIdentifiers, Timestamp};

/// Whom a request of ours is about. Sh knows no IMSI here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum User {
    /// By phone number.
    Msisdn(Msisdn),
    /// By external identifier.
    External(ExternalIdentifier),
}

impl User {
    /// The user of that identifier; `None` for an IMSI.
    pub fn of(identifier: &Identifier) -> Option<Self> {
        match identifier {
            Identifier::Imsi(_) => None,
            Identifier::Msisdn(msisdn) => Some(Self::Msisdn(*msisdn)),
            Identifier::External(external) => Some(Self::External(external.clone())),
        }
    }

    /// The identifier.
    pub fn identifier(&self) -> Identifier {
        match self {
            Self::Msisdn(msisdn) => Identifier::Msisdn(*msisdn),
            Self::External(external) => Identifier::External(external.clone()),
        }
    }

    /// The subscriber.
    pub fn subscriber(&self) -> SubscriberIdentifiers {
        match self {
            Self::Msisdn(msisdn) => SubscriberIdentifiers::from(*msisdn),
            Self::External(external) => SubscriberIdentifiers::from(external.clone()),
        }
    }

    fn write(&self, avps: &mut MessageBuilder<'_>) {
        avps.group(&tgpp::USER_IDENTITY, |group| {
            match self {
                Self::Msisdn(msisdn) => group.avp_tbcd(&tgpp::MSISDN, &msisdn.digits()),
                Self::External(external) => group.avp_utf8(&tgpp::EXTERNAL_IDENTIFIER, external.text()),
            };
        });
    }

    /// As the public identity that a phone number is in IMS (TS 23.003 §13.4), which data of IMS is known by; an external
    /// identifier as the SIP URI of the same form.
    fn write_public(&self, avps: &mut MessageBuilder<'_>) {
        let uri = match self {
            Self::Msisdn(msisdn) => format!("tel:+{}", msisdn.digits()),
            Self::External(external) => format!("sip:{}", external.text()),
        };
        avps.group(&tgpp::USER_IDENTITY, |group| {
            group.avp_utf8(&tgpp::PUBLIC_IDENTITY, &uri);
        });
    }
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
    /// Appends what a User-Data-Request says beside its routing.
    pub fn write(self, avps: &mut MessageBuilder<'_>, user: &User) {
        user.write(avps);
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

/// What can be subscribed to (Subscribe-Notifications).
///
/// The numbers are part of the store's format: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Subscription {
    /// UEReachabilityForIP. The HSS tells once that the user can be reached, and the subscription is over.
    Reachability = 1,
    /// IMSUserState: every change of it.
    ImsState = 2,
}

impl Subscription {
    /// Every subscription, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Reachability, Self::ImsState];

    /// The number by which the store names it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The subscription of that number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    /// The name used in configuration, metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reachability => "reachability",
            Self::ImsState => "ims-state",
        }
    }

    /// The subscription of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Whether one notification ends it.
    pub fn is_one_time(self) -> bool {
        self == Self::Reachability
    }

    /// Appends what a Subscribe-Notifications-Request says beside its routing: notify until then (`None`: no longer).
    pub fn write(self, avps: &mut MessageBuilder<'_>, user: &User, until: Option<Timestamp>) {
        match self {
            Self::Reachability => user.write(avps),
            Self::ImsState => user.write_public(avps),
        }
        let (request_type, reference) = (
            match until {
                Some(_) => subs_req_type::SUBSCRIBE,
                None => subs_req_type::UNSUBSCRIBE,
            },
            match self {
                Self::Reachability => data_reference::UE_REACHABILITY_FOR_IP,
                Self::ImsState => data_reference::IMS_USER_STATE,
            },
        );
        avps.avp_i32(&tgpp::SUBS_REQ_TYPE, request_type)
            .avp_i32(&tgpp::DATA_REFERENCE, reference);
        if self == Self::ImsState && until.is_some() {
            // What it is now comes with the answer.
            avps.avp_i32(&tgpp::SEND_DATA_INDICATION, sh::USER_DATA_REQUESTED);
        }
        if let Some(until) = until {
            avps.avp_time(&tgpp::EXPIRY_TIME, until.as_micros() / 1_000_000);
        }
        if self.is_one_time() {
            avps.avp_i32(&tgpp::ONE_TIME_NOTIFICATION, sh::ONE_TIME_NOTIFICATION_REQUESTED);
        }
    }
}
