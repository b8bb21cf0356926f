//! S6t, between SCEF and HSS: commands, masks and values (TS 29.336 §8).

use super::base::{
    AUTH_SESSION_STATE, DESTINATION_HOST, DESTINATION_REALM, DRMP, OC_SUPPORTED_FEATURES, ORIGIN_HOST,
    ORIGIN_REALM, SESSION_ID, VENDOR_SPECIFIC_APPLICATION_ID,
};
use super::tgpp::{
    CIR_FLAGS, GROUP_REPORTING_GUARD_TIMER, RIR_FLAGS, UPDATED_NETWORK_CONFIGURATION, USER_IDENTIFIER,
    VENDOR_ID,
};
use super::{AvpDef, CommandDef};
use crate::diameter::codec::ExperimentalResult;

/// Application-Id of S6t (TS 29.336 §8.1.7).
pub const APPLICATION: u32 = 16_777_345;

/// Command code of Configuration-Information, on S6t and on T6a/T6b.
pub const COMMAND_CONFIGURATION_INFORMATION: u32 = 8_388_718;
/// Command code of Reporting-Information, on S6t and on T6a/T6b.
pub const COMMAND_REPORTING_INFORMATION: u32 = 8_388_719;

/// In every request (TS 29.336 §8.2).
pub(super) const ROUTING: &[AvpDef] = &[
    SESSION_ID,
    AUTH_SESSION_STATE,
    ORIGIN_HOST,
    ORIGIN_REALM,
    DESTINATION_REALM,
];

/// In any request, once.
pub(super) const COMMON: &[AvpDef] = &[DRMP, VENDOR_SPECIFIC_APPLICATION_ID, OC_SUPPORTED_FEATURES];

/// Configuration-Information (TS 29.336 §8.2.3): SCEF to HSS.
pub const CONFIGURATION_INFORMATION: CommandDef = CommandDef {
    code: COMMAND_CONFIGURATION_INFORMATION,
    application: APPLICATION,
    name: "Configuration-Information",
    request: "CIR",
    answer: "CIA",
    proxiable: true,
    required: &[ROUTING, &[USER_IDENTIFIER]],
    optional: &[
        COMMON,
        &[DESTINATION_HOST, CIR_FLAGS, GROUP_REPORTING_GUARD_TIMER],
    ],
};

/// Reporting-Information (TS 29.336 §8.2.5): HSS to SCEF. The grammar printed there shows neither REQ nor an R bit, by
/// mistake: it is a request.
pub const REPORTING_INFORMATION: CommandDef = CommandDef {
    code: COMMAND_REPORTING_INFORMATION,
    application: APPLICATION,
    name: "Reporting-Information",
    request: "RIR",
    answer: "RIA",
    proxiable: true,
    required: &[ROUTING, &[DESTINATION_HOST]],
    optional: &[
        COMMON,
        &[USER_IDENTIFIER, RIR_FLAGS, UPDATED_NETWORK_CONFIGURATION],
    ],
};

/// The command of that code that this node takes requests of.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    (code == COMMAND_REPORTING_INFORMATION).then_some(&REPORTING_INFORMATION)
}

/// Values of Monitoring-Type (TS 29.336 §8.4.7).
pub mod monitoring_type {
    /// The device was lost.
    pub const LOSS_OF_CONNECTIVITY: u32 = 0;
    /// The device can be reached.
    pub const UE_REACHABILITY: u32 = 1;
    /// Where the device is.
    pub const LOCATION_REPORTING: u32 = 2;
    /// The SIM was put into another device.
    pub const CHANGE_OF_IMSI_IMEI_ASSOCIATION: u32 = 3;
    /// The device entered or left a visited network.
    pub const ROAMING_STATUS: u32 = 4;
    /// A radio or NAS failure.
    pub const COMMUNICATION_FAILURE: u32 = 5;
    /// The device can be reached after data for it could not be delivered.
    pub const AVAILABILITY_AFTER_DDN_FAILURE: u32 = 6;
    /// How many devices are in an area.
    pub const NUMBER_OF_UES_PRESENT_IN_A_GEOGRAPHICAL_AREA: u32 = 7;
    /// As [`UE_REACHABILITY`], or the device went idle.
    pub const UE_REACHABILITY_AND_IDLE_STATUS_INDICATION: u32 = 8;
    /// As [`AVAILABILITY_AFTER_DDN_FAILURE`], or the device went idle.
    pub const AVAILABILITY_AFTER_DDN_FAILURE_AND_IDLE_STATUS_INDICATION: u32 = 9;
    /// A PDN connection was made or released.
    pub const PDN_CONNECTIVITY_STATUS: u32 = 10;
}

/// Values of Loss-Of-Connectivity-Reason (TS 29.336 §8.4.58).
pub mod loss_of_connectivity_reason {
    /// Detached, at an MME.
    pub const UE_DETACHED_MME: u32 = 0;
    /// Detached, at an SGSN.
    pub const UE_DETACHED_SGSN: u32 = 1;
    /// Silent for longer than the maximum detection time, at an MME.
    pub const MAX_DETECTION_TIME_EXPIRED_MME: u32 = 2;
    /// Silent for longer than the maximum detection time, at an SGSN.
    pub const MAX_DETECTION_TIME_EXPIRED_SGSN: u32 = 3;
    /// Deleted from an MME.
    pub const UE_PURGED_MME: u32 = 4;
    /// Deleted from an SGSN.
    pub const UE_PURGED_SGSN: u32 = 5;
}

/// Bits of Reachability-Type (TS 29.336 §8.4.13): one of them, never both.
pub mod reachability_type {
    /// For short messages.
    pub const SMS: u32 = 1 << 0;
    /// For data.
    pub const DATA: u32 = 1 << 1;
}

/// Values of Reachability-Information (TS 29.336 §8.4.21).
pub mod reachability_information {
    /// Reachable for short messages.
    pub const REACHABLE_FOR_SMS: u32 = 0;
    /// Reachable for data.
    pub const REACHABLE_FOR_DATA: u32 = 1;
}

/// Values of Event-Handling (TS 29.336 §8.4.30).
pub mod event_handling {
    /// Nothing is reported until [`RESUME`].
    pub const SUSPEND: u32 = 0;
    /// Reports come again.
    pub const RESUME: u32 = 1;
    /// The configuration is gone.
    pub const CANCEL: u32 = 2;
}

/// Values of PDN-Connectivity-Status-Type (TS 29.336 §8.4.75).
pub mod pdn_connectivity_status_type {
    /// The connection was made.
    pub const CREATED: u32 = 0;
    /// The connection was released.
    pub const DELETED: u32 = 1;
}

/// Bits of RIR-Flags (TS 29.336 §8.4.62).
pub mod rir_flags {
    /// More reports on a group's configuration will follow.
    pub const GROUP_CONFIGURATION_IN_PROGRESS: u32 = 1 << 0;
    /// The HSS has cancelled every monitoring event of the user.
    pub const ALL_MONITORING_EVENTS_CANCELLED: u32 = 1 << 1;
    /// Which events may be monitored has changed.
    pub const AUTHORISED_EVENTS_CHANGED: u32 = 1 << 2;
}

/// Values of Type-Of-External-Identifier (TS 29.336 §8.4.63).
pub mod type_of_external_identifier {
    /// One subscriber.
    pub const INDIVIDUAL: u32 = 0;
    /// A group.
    pub const GROUP: u32 = 1;
}

/// Bits of S6t-HSS-Cause (TS 29.336 §8.4.50).
pub mod hss_cause {
    /// No serving node is registered, or the subscriber is purged there.
    pub const ABSENT_SUBSCRIBER: u32 = 1 << 0;
}

/// Bits of Feature-List 1 of S6t (TS 29.336 §8.4.38).
pub mod features {
    /// Feature-List-ID.
    pub const LIST_ID: u32 = 1;
    /// Monitoring events.
    pub const MONTE: u32 = 1 << 0;
    /// Several reports, of several configurations, in one request.
    pub const REPORT_EFF_MONTE: u32 = 1 << 5;
    /// The HSS tells which events it has cancelled.
    pub const EVENT_CANCELLATION_REPORT: u32 = 1 << 6;
}

const fn tgpp_result(code: u32) -> ExperimentalResult {
    ExperimentalResult {
        vendor: VENDOR_ID,
        code,
    }
}

/// Experimental-Result: the user is not known (TS 29.336 §6.3.2).
pub const USER_UNKNOWN: ExperimentalResult = tgpp_result(5001);
/// Experimental-Result: the configuration could not be kept; later it may.
pub const CONFIGURATION_EVENT_STORAGE_NOT_SUCCESSFUL: ExperimentalResult = tgpp_result(5513);
/// Experimental-Result: there was nothing to delete (the name is spelt so).
pub const CONFIGURATION_EVENT_NON_EXISTANT: ExperimentalResult = tgpp_result(5514);
/// Experimental-Result: no such reference is in use at this SCEF. The reporting node deletes the configuration.
pub const SCEF_REFERENCE_ID_UNKNOWN: ExperimentalResult = tgpp_result(5515);
