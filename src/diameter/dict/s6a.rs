//! S6a (MME) and S6d (SGSN): commands, masks and values (TS 29.272 §7.2, §7.3).

use super::base::{
    AUTH_SESSION_STATE, DESTINATION_HOST, DESTINATION_REALM, DRMP, OC_SUPPORTED_FEATURES, ORIGIN_HOST,
    ORIGIN_REALM, SESSION_ID, USER_NAME, VENDOR_SPECIFIC_APPLICATION_ID,
};
use super::tgpp::{
    ADJACENT_PLMNS, AIR_FLAGS, ALERT_REASON, CANCELLATION_TYPE, CLR_FLAGS, COUPLED_NODE_DIAMETER_ID,
    DSR_FLAGS, EMERGENCY_SERVICES, EPS_LOCATION_INFORMATION, EQUIVALENT_PLMN_LIST,
    HOMOGENEOUS_SUPPORT_OF_IMS_VOICE, IDR_FLAGS, MAXIMUM_UE_AVAILABILITY_TIME, MME_NUMBER_FOR_MT_SMS,
    NOR_FLAGS, PUR_FLAGS, RAT_TYPE, SGS_MME_IDENTITY, SGSN_NUMBER, SMS_REGISTER_REQUEST, SUBSCRIPTION_DATA,
    SUBSCRIPTION_DATA_DELETION, SUPPORTED_SERVICES, TERMINAL_INFORMATION, UE_SRVCC_CAPABILITY, ULR_FLAGS,
    VISITED_PLMN_ID,
};
use super::{AvpDef, CommandDef};
use crate::diameter::codec::ExperimentalResult;

pub use super::tgpp::VENDOR_ID;

/// Application-Id of S6a and S6d (TS 29.272 §7.1.8).
pub const APPLICATION: u32 = 16_777_251;

/// In every request (TS 29.272 §7.2).
const ROUTING: &[AvpDef] = &[
    SESSION_ID,
    AUTH_SESSION_STATE,
    ORIGIN_HOST,
    ORIGIN_REALM,
    DESTINATION_REALM,
];

/// In any request, once.
const COMMON: &[AvpDef] = &[DRMP, VENDOR_SPECIFIC_APPLICATION_ID, OC_SUPPORTED_FEATURES];

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

/// Update-Location (TS 29.272 §7.2.3): MME or SGSN to HSS.
pub const UPDATE_LOCATION: CommandDef = command(
    316,
    ["Update-Location", "ULR", "ULA"],
    &[ROUTING, &[USER_NAME, RAT_TYPE, ULR_FLAGS, VISITED_PLMN_ID]],
    &[
        COMMON,
        &[
            DESTINATION_HOST,
            TERMINAL_INFORMATION,
            UE_SRVCC_CAPABILITY,
            SGSN_NUMBER,
            HOMOGENEOUS_SUPPORT_OF_IMS_VOICE,
            EQUIVALENT_PLMN_LIST,
            MME_NUMBER_FOR_MT_SMS,
            SMS_REGISTER_REQUEST,
            SGS_MME_IDENTITY,
            COUPLED_NODE_DIAMETER_ID,
            ADJACENT_PLMNS,
            SUPPORTED_SERVICES,
        ],
    ],
);

/// Cancel-Location (TS 29.272 §7.2.7): HSS to MME or SGSN.
pub const CANCEL_LOCATION: CommandDef = command(
    317,
    ["Cancel-Location", "CLR", "CLA"],
    &[ROUTING, &[DESTINATION_HOST, USER_NAME, CANCELLATION_TYPE]],
    &[COMMON, &[CLR_FLAGS]],
);

/// Authentication-Information (TS 29.272 §7.2.5): MME or SGSN to HSS.
pub const AUTHENTICATION_INFORMATION: CommandDef = command(
    318,
    ["Authentication-Information", "AIR", "AIA"],
    &[ROUTING, &[USER_NAME, VISITED_PLMN_ID]],
    &[COMMON, &[DESTINATION_HOST, AIR_FLAGS]],
);

/// Insert-Subscriber-Data (TS 29.272 §7.2.9): HSS to MME or SGSN.
pub const INSERT_SUBSCRIBER_DATA: CommandDef = command(
    319,
    ["Insert-Subscriber-Data", "IDR", "IDA"],
    &[ROUTING, &[DESTINATION_HOST, USER_NAME, SUBSCRIPTION_DATA]],
    &[COMMON, &[IDR_FLAGS]],
);

/// Delete-Subscriber-Data (TS 29.272 §7.2.11): HSS to MME or SGSN.
pub const DELETE_SUBSCRIBER_DATA: CommandDef = command(
    320,
    ["Delete-Subscriber-Data", "DSR", "DSA"],
    &[ROUTING, &[DESTINATION_HOST, USER_NAME, DSR_FLAGS]],
    &[COMMON],
);

/// Purge-UE (TS 29.272 §7.2.13): MME or SGSN to HSS.
pub const PURGE_UE: CommandDef = command(
    321,
    ["Purge-UE", "PUR", "PUA"],
    &[ROUTING, &[USER_NAME]],
    &[COMMON, &[DESTINATION_HOST, PUR_FLAGS, EPS_LOCATION_INFORMATION]],
);

/// Reset (TS 29.272 §7.2.15): HSS to MME or SGSN.
pub const RESET: CommandDef = command(
    322,
    ["Reset", "RSR", "RSA"],
    &[ROUTING, &[DESTINATION_HOST]],
    &[COMMON, &[SUBSCRIPTION_DATA, SUBSCRIPTION_DATA_DELETION]],
);

/// Notify (TS 29.272 §7.2.17): MME or SGSN to HSS.
pub const NOTIFY: CommandDef = command(
    323,
    ["Notify", "NOR", "NOA"],
    &[ROUTING, &[USER_NAME]],
    &[
        COMMON,
        &[
            DESTINATION_HOST,
            TERMINAL_INFORMATION,
            ALERT_REASON,
            UE_SRVCC_CAPABILITY,
            NOR_FLAGS,
            HOMOGENEOUS_SUPPORT_OF_IMS_VOICE,
            MAXIMUM_UE_AVAILABILITY_TIME,
            EMERGENCY_SERVICES,
        ],
    ],
);

/// The command of that code.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    Some(match code {
        316 => &UPDATE_LOCATION,
        317 => &CANCEL_LOCATION,
        318 => &AUTHENTICATION_INFORMATION,
        319 => &INSERT_SUBSCRIBER_DATA,
        320 => &DELETE_SUBSCRIBER_DATA,
        321 => &PURGE_UE,
        322 => &RESET,
        323 => &NOTIFY,
        _ => return None,
    })
}

/// Bits of ULR-Flags (TS 29.272 §7.3.7).
pub mod ulr_flags {
    /// The HSS shall cancel and forget the SGSN.
    pub const SINGLE_REGISTRATION: u32 = 1 << 0;
    /// Set on S6a: an MME asks. Clear on S6d: an SGSN.
    pub const S6A_S6D_INDICATOR: u32 = 1 << 1;
    /// No Subscription-Data in the answer.
    pub const SKIP_SUBSCRIBER_DATA: u32 = 1 << 2;
    /// GPRS data are wanted.
    pub const GPRS_SUBSCRIPTION_DATA: u32 = 1 << 3;
    /// The sender is a combined MME/SGSN.
    pub const NODE_TYPE: u32 = 1 << 4;
    /// The device attached anew.
    pub const INITIAL_ATTACH: u32 = 1 << 5;
    /// No location services over packet access.
    pub const PS_LCS_NOT_SUPPORTED_BY_UE: u32 = 1 << 6;
    /// SMS without CS fallback is wanted.
    pub const SMS_ONLY: u32 = 1 << 7;
    /// The registration in 5GS stays.
    pub const DUAL_REGISTRATION_5G: u32 = 1 << 8;
}

/// Bits of ULA-Flags (TS 29.272 §7.3.8).
pub mod ula_flags {
    /// MME and SGSN are stored separately: every HSS since Release 8.
    pub const SEPARATION: u32 = 1 << 0;
    /// The MME is registered for SMS.
    pub const MME_REGISTERED_FOR_SMS: u32 = 1 << 1;
}

/// Bits of CLR-Flags (TS 29.272 §7.3.152).
pub mod clr_flags {
    /// Set: the MME half of a combined node is meant. Clear: the SGSN half.
    pub const S6A_S6D_INDICATOR: u32 = 1 << 0;
    /// The device shall attach again.
    pub const REATTACH_REQUIRED: u32 = 1 << 1;
}

/// Values of Cancellation-Type (TS 29.272 §7.3.24).
pub mod cancellation_type {
    /// The device moved to another MME.
    pub const MME_UPDATE_PROCEDURE: i32 = 0;
    /// The device moved to another SGSN.
    pub const SGSN_UPDATE_PROCEDURE: i32 = 1;
    /// The subscription ended.
    pub const SUBSCRIPTION_WITHDRAWAL: i32 = 2;
    /// The device moved, told by an interworking function.
    pub const UPDATE_PROCEDURE_IWF: i32 = 3;
    /// The device attached anew in the other domain.
    pub const INITIAL_ATTACH_PROCEDURE: i32 = 4;
}

/// Bits of PUR-Flags (TS 29.272 §7.3.149).
pub mod pur_flags {
    /// Purged in the MME half.
    pub const UE_PURGED_IN_MME: u32 = 1 << 0;
    /// Purged in the SGSN half.
    pub const UE_PURGED_IN_SGSN: u32 = 1 << 1;
}

/// Bits of PUA-Flags (TS 29.272 §7.3.48).
pub mod pua_flags {
    /// Keep the M-TMSI from being given away: purged in the MME.
    pub const FREEZE_M_TMSI: u32 = 1 << 0;
    /// Keep the P-TMSI from being given away: purged in the SGSN.
    pub const FREEZE_P_TMSI: u32 = 1 << 1;
}

/// Bits of IDR-Flags (TS 29.272 §7.3.103).
pub mod idr_flags {
    /// Tell when the device becomes reachable.
    pub const UE_REACHABILITY_REQUEST: u32 = 1 << 0;
    /// The MME is no longer registered for SMS.
    pub const REMOVE_SMS_REGISTRATION: u32 = 1 << 6;
}

/// Bits of NOR-Flags (TS 29.272 §7.3.49).
pub mod nor_flags {
    /// The HSS shall cancel and forget the SGSN.
    pub const SINGLE_REGISTRATION: u32 = 1 << 0;
    /// The device is in an area that is barred for it.
    pub const SGSN_AREA_RESTRICTED: u32 = 1 << 1;
    /// The device can take short messages through the SGSN again.
    pub const READY_FOR_SM_FROM_SGSN: u32 = 1 << 2;
    /// The device is reachable through the MME.
    pub const UE_REACHABLE_FROM_MME: u32 = 1 << 3;
    /// The device is reachable through the SGSN.
    pub const UE_REACHABLE_FROM_SGSN: u32 = 1 << 5;
    /// The device can take short messages through the MME again.
    pub const READY_FOR_SM_FROM_MME: u32 = 1 << 6;
    /// The MME is no longer registered for SMS.
    pub const REMOVAL_OF_MME_REGISTRATION_FOR_SMS: u32 = 1 << 9;
}

/// Values of Alert-Reason (TS 29.272 §7.3.83).
pub mod alert_reason {
    /// The device is back.
    pub const UE_PRESENT: i32 = 0;
    /// The device, there all along, has room for messages again.
    pub const UE_MEMORY_AVAILABLE: i32 = 1;
}

/// Experimental-Result: the subscriber is not known (TS 29.272 §7.4.3.1).
pub const USER_UNKNOWN: ExperimentalResult = ExperimentalResult {
    vendor: VENDOR_ID,
    code: 5001,
};

/// Experimental-Result: the notifying node is not the registered one (TS 29.272 §7.4.3).
pub const UNKNOWN_SERVING_NODE: ExperimentalResult = ExperimentalResult {
    vendor: VENDOR_ID,
    code: 5423,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_codes_and_every_avp_in_them_is_known() {
        for code in 0..=400 {
            let Some(command) = command_of(code) else {
                assert!(!(316..=323).contains(&code));
                continue;
            };
            assert_eq!(command.code, code);
            for def in command.required.iter().chain(command.optional).copied().flatten() {
                assert_eq!(crate::diameter::dict::lookup(def.code, def.vendor), Some(def));
            }
        }
    }
}
