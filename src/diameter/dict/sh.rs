//! Sh, between AS and HSS: commands and values (TS 29.329 §6.1, §6.2; TS 29.328 §7).

use super::base::{
    AUTH_SESSION_STATE, DESTINATION_HOST, DESTINATION_REALM, DRMP, OC_SUPPORTED_FEATURES, ORIGIN_HOST,
    ORIGIN_REALM, SESSION_ID, USER_NAME, VENDOR_SPECIFIC_APPLICATION_ID,
};
use super::tgpp::{
    CURRENT_LOCATION, EXPIRY_TIME, LOCAL_TIME_ZONE_INDICATION, ONE_TIME_NOTIFICATION, PRE_PAGING_SUPPORTED,
    REQUESTED_DOMAIN, REQUESTED_NODES, SEND_DATA_INDICATION, SERVER_NAME, SERVING_NODE_INDICATION,
    SESSION_PRIORITY, SUBS_REQ_TYPE, UDR_FLAGS, USER_DATA, USER_IDENTITY, VENDOR_ID, WILDCARDED_IMPU,
    WILDCARDED_PUBLIC_IDENTITY,
};
use super::{AvpDef, CommandDef};
use crate::diameter::codec::ExperimentalResult;

/// Application-Id of Sh (TS 29.329 §6).
pub const APPLICATION: u32 = 16_777_217;

/// In every request (TS 29.329 §6.1).
const ROUTING: &[AvpDef] = &[
    SESSION_ID,
    VENDOR_SPECIFIC_APPLICATION_ID,
    AUTH_SESSION_STATE,
    ORIGIN_HOST,
    ORIGIN_REALM,
    DESTINATION_REALM,
];

/// In any request, once.
const COMMON: &[AvpDef] = &[DRMP, OC_SUPPORTED_FEATURES, USER_NAME];

const fn command(
    code: u32,
    [name, request, answer]: [&'static str; 3],
    required: &'static [&'static [AvpDef]],
    optional: &'static [&'static [AvpDef]],
) -> CommandDef {
    CommandDef {
        code,
        application: APPLICATION,
        name,
        request,
        answer,
        proxiable: true,
        required,
        optional,
    }
}

/// User-Data (TS 29.329 §6.1.1): AS to HSS.
pub const USER_DATA_PULL: CommandDef = command(
    306,
    ["User-Data", "UDR", "UDA"],
    &[ROUTING, &[USER_IDENTITY]],
    &[
        COMMON,
        &[
            DESTINATION_HOST,
            WILDCARDED_PUBLIC_IDENTITY,
            WILDCARDED_IMPU,
            SERVER_NAME,
            REQUESTED_DOMAIN,
            CURRENT_LOCATION,
            SESSION_PRIORITY,
            REQUESTED_NODES,
            SERVING_NODE_INDICATION,
            PRE_PAGING_SUPPORTED,
            LOCAL_TIME_ZONE_INDICATION,
            UDR_FLAGS,
        ],
    ],
);

/// Subscribe-Notifications (TS 29.329 §6.1.5): AS to HSS.
pub const SUBSCRIBE_NOTIFICATIONS: CommandDef = command(
    308,
    ["Subscribe-Notifications", "SNR", "SNA"],
    &[ROUTING, &[USER_IDENTITY, SUBS_REQ_TYPE]],
    &[
        COMMON,
        &[
            DESTINATION_HOST,
            WILDCARDED_PUBLIC_IDENTITY,
            WILDCARDED_IMPU,
            SERVER_NAME,
            SEND_DATA_INDICATION,
            EXPIRY_TIME,
            ONE_TIME_NOTIFICATION,
        ],
    ],
);

/// Push-Notification (TS 29.329 §6.1.7): HSS to AS.
pub const PUSH_NOTIFICATION: CommandDef = command(
    309,
    ["Push-Notification", "PNR", "PNA"],
    &[ROUTING, &[DESTINATION_HOST, USER_IDENTITY, USER_DATA]],
    &[COMMON, &[WILDCARDED_PUBLIC_IDENTITY, WILDCARDED_IMPU]],
);

/// The command of that code that this node takes requests of.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    (code == PUSH_NOTIFICATION.code).then_some(&PUSH_NOTIFICATION)
}

/// Values of Data-Reference (TS 29.328 §7.6).
pub mod data_reference {
    /// Whether the public identity is registered in IMS.
    pub const IMS_USER_STATE: i32 = 11;
    /// Who serves the subscriber, and where the device is.
    pub const LOCATION_INFORMATION: i32 = 14;
    /// Whether the device can be paged.
    pub const USER_STATE: i32 = 15;
    /// Which IP-SM-GW is registered.
    pub const SMS_REGISTRATION_INFO: i32 = 24;
    /// One notification when the device can be reached for IP.
    pub const UE_REACHABILITY_FOR_IP: i32 = 25;
}

/// Values of Subs-Req-Type (TS 29.329 §6.3.6).
pub mod subs_req_type {
    /// Notify from now on.
    pub const SUBSCRIBE: i32 = 0;
    /// Notify no longer.
    pub const UNSUBSCRIBE: i32 = 1;
}

/// Values of Requested-Domain (TS 29.329 §6.3.7).
pub mod requested_domain {
    /// Circuit switched.
    pub const CS: i32 = 0;
    /// Packet switched: EPS and 5GS too, by Requested-Nodes.
    pub const PS: i32 = 1;
}

/// Bits of Requested-Nodes (TS 29.329 §6.3.7A).
pub mod requested_nodes {
    /// The MME.
    pub const MME: u32 = 1 << 0;
    /// The SGSN.
    pub const SGSN: u32 = 1 << 1;
    /// The AMF.
    pub const AMF: u32 = 1 << 3;
}

/// Value of Send-Data-Indication (TS 29.329 §6.3.17).
pub const USER_DATA_REQUESTED: i32 = 1;
/// The one value of One-Time-Notification (TS 29.329 §6.3.22).
pub const ONE_TIME_NOTIFICATION_REQUESTED: i32 = 0;
/// The one value of Serving-Node-Indication (TS 29.329 §6.3.23).
pub const ONLY_SERVING_NODES_REQUIRED: i32 = 0;
/// Value of Current-Location: the device is not paged for it (TS 29.329 §6.3.8).
pub const DO_NOT_NEED_INITIATE_ACTIVE_LOCATION_RETRIEVAL: i32 = 0;

const fn tgpp_result(code: u32) -> ExperimentalResult {
    ExperimentalResult {
        vendor: VENDOR_ID,
        code,
    }
}

/// Experimental-Result: the user is not known (TS 29.329 §6.2.2).
pub const USER_UNKNOWN: ExperimentalResult = tgpp_result(5001);
/// Experimental-Result: more data than can be taken.
pub const TOO_MUCH_DATA: ExperimentalResult = tgpp_result(5008);
/// Experimental-Result: the HSS does not know such data.
pub const USER_DATA_NOT_RECOGNIZED: ExperimentalResult = tgpp_result(5100);
/// Experimental-Result: this AS may not do that.
pub const OPERATION_NOT_ALLOWED: ExperimentalResult = tgpp_result(5101);
/// Experimental-Result: this AS may not read such data.
pub const USER_DATA_CANNOT_BE_READ: ExperimentalResult = tgpp_result(5102);
/// Experimental-Result: this AS may not be notified of such data.
pub const USER_DATA_CANNOT_BE_NOTIFIED: ExperimentalResult = tgpp_result(5104);
/// Experimental-Result: this AS is not subscribed to what it is notified of. The HSS ends the subscription.
pub const NO_SUBSCRIPTION_TO_DATA: ExperimentalResult = tgpp_result(5107);
/// Experimental-Result: the data cannot be had now.
pub const USER_DATA_NOT_AVAILABLE: ExperimentalResult = tgpp_result(4100);
/// Experimental-Result: somebody else is changing the data just now.
pub const PRIOR_UPDATE_IN_PROGRESS: ExperimentalResult = tgpp_result(4101);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diameter::dict::lookup;

    #[test]
    fn every_avp_of_a_command_is_known_and_the_push_is_what_comes_in() {
        for command in [&USER_DATA_PULL, &SUBSCRIBE_NOTIFICATIONS, &PUSH_NOTIFICATION] {
            assert_eq!(command.application, APPLICATION);
            for def in command.required.iter().chain(command.optional).copied().flatten() {
                assert_eq!(lookup(def.code, def.vendor), Some(def));
            }
        }
        for code in 300..=320 {
            assert_eq!(command_of(code).is_some(), code == 309);
        }
    }
}
