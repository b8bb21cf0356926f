//! S6c: short messages between HSS, SMS-GMSC and SMS-IWMSC (TS 29.338 §5.3): commands, masks and values.

use super::base::{
    AUTH_SESSION_STATE, DESTINATION_HOST, DESTINATION_REALM, DRMP, OC_SUPPORTED_FEATURES, ORIGIN_HOST,
    ORIGIN_REALM, SESSION_ID, USER_NAME, VENDOR_SPECIFIC_APPLICATION_ID,
};
use super::tgpp::{
    MAXIMUM_UE_AVAILABILITY_TIME, MSISDN, RDR_FLAGS, SC_ADDRESS, SERVING_NODE, SM_DELIVERY_NOT_INTENDED,
    SM_DELIVERY_OUTCOME, SM_RP_MTI, SM_RP_SMEA, SMS_GMSC_ALERT_EVENT, SMSMI_CORRELATION_ID, SRR_FLAGS,
    USER_IDENTIFIER, VENDOR_ID,
};
use super::{AvpDef, CommandDef};
use crate::diameter::codec::ExperimentalResult;

/// Application-Id of S6c (TS 29.338 §5.3).
pub const APPLICATION: u32 = 16_777_312;

const ROUTING: &[AvpDef] = &[
    SESSION_ID,
    AUTH_SESSION_STATE,
    ORIGIN_HOST,
    ORIGIN_REALM,
    DESTINATION_REALM,
];

const COMMON: &[AvpDef] = &[
    DRMP,
    VENDOR_SPECIFIC_APPLICATION_ID,
    OC_SUPPORTED_FEATURES,
    DESTINATION_HOST,
    SMSMI_CORRELATION_ID,
];

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

/// Send-Routing-Info-for-SM (TS 29.338 §5.3.2.3): SMS-GMSC to HSS.
pub const SEND_ROUTING_INFO_FOR_SM: CommandDef = command(
    8_388_647,
    ["Send-Routing-Info-for-SM", "SRR", "SRA"],
    &[ROUTING],
    &[
        COMMON,
        &[
            MSISDN,
            USER_NAME,
            SC_ADDRESS,
            SM_RP_MTI,
            SM_RP_SMEA,
            SRR_FLAGS,
            SM_DELIVERY_NOT_INTENDED,
        ],
    ],
);

/// Alert-Service-Centre (TS 29.338 §5.3.2.5): HSS to SMS-IWMSC, MME or SGSN to SMS-GMSC.
pub const ALERT_SERVICE_CENTRE: CommandDef = command(
    8_388_648,
    ["Alert-Service-Centre", "ALR", "ALA"],
    &[ROUTING, &[SC_ADDRESS, USER_IDENTIFIER]],
    &[
        COMMON,
        &[MAXIMUM_UE_AVAILABILITY_TIME, SMS_GMSC_ALERT_EVENT, SERVING_NODE],
    ],
);

/// Report-SM-Delivery-Status (TS 29.338 §5.3.2.7): SMS-GMSC or IP-SM-GW to HSS.
pub const REPORT_SM_DELIVERY_STATUS: CommandDef = command(
    8_388_649,
    ["Report-SM-Delivery-Status", "RDR", "RDA"],
    &[ROUTING, &[USER_IDENTIFIER, SC_ADDRESS, SM_DELIVERY_OUTCOME]],
    &[COMMON, &[RDR_FLAGS]],
);

/// The command of that code.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    [
        &SEND_ROUTING_INFO_FOR_SM,
        &ALERT_SERVICE_CENTRE,
        &REPORT_SM_DELIVERY_STATUS,
    ]
    .into_iter()
    .find(|command| command.code == code)
}

/// Bits of SMS-GMSC-Alert-Event (TS 29.338 §5.3.3).
pub mod alert_event {
    /// The device takes short messages again.
    pub const UE_AVAILABLE_FOR_MT_SMS: u32 = 1 << 0;
    /// The device has moved to another serving node.
    pub const UE_UNDER_NEW_SERVING_NODE: u32 = 1 << 1;
}

/// Values of SM-Delivery-Cause (TS 29.338 §5.3.3).
pub mod delivery_cause {
    /// The device answered and has no room.
    pub const UE_MEMORY_CAPACITY_EXCEEDED: i32 = 0;
    /// The device could not be reached.
    pub const ABSENT_USER: i32 = 1;
    /// The message was delivered.
    pub const SUCCESSFUL_TRANSFER: i32 = 2;
}

/// Bits of MWD-Status (TS 29.338 §5.3.3).
pub mod mwd_status {
    /// Mobile station not reachable: a delivery through MSC or MME failed.
    pub const MNRF: u32 = 1 << 1;
    /// The device's memory is full.
    pub const MCEF: u32 = 1 << 2;
    /// Mobile station not reachable for GPRS: a delivery through the SGSN failed.
    pub const MNRG: u32 = 1 << 3;
}

/// Values of the absent-user diagnostics (TS 23.040 §3.3.2).
pub mod absent_user_diagnostic {
    /// Deregistered in the HLR for non-GPRS.
    pub const DEREGISTERED_NON_GPRS: u32 = 3;
    /// Purged by the MSC.
    pub const PURGED_NON_GPRS: u32 = 4;
    /// Deregistered in the HLR for GPRS.
    pub const DEREGISTERED_GPRS: u32 = 7;
    /// Purged by the SGSN.
    pub const PURGED_GPRS: u32 = 8;
    /// Deregistered in the HSS for IMS.
    pub const DEREGISTERED_IMS: u32 = 11;
}

/// Experimental-Result: the subscriber cannot be reached for short messages (TS 29.338 §7.3).
pub const ABSENT_USER: ExperimentalResult = ExperimentalResult {
    vendor: VENDOR_ID,
    code: 5550,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_by_their_codes_and_every_avp_in_them_is_known() {
        assert!(command_of(8_388_646).is_none() && command_of(8_388_650).is_none());
        for code in 8_388_647..=8_388_649 {
            let command = command_of(code);
            assert_eq!(command.map(|command| command.code), Some(code));
            for def in command
                .iter()
                .flat_map(|c| c.required.iter().chain(c.optional))
                .copied()
                .flatten()
            {
                assert_eq!(crate::diameter::dict::lookup(def.code, def.vendor), Some(def));
            }
        }
    }
}
