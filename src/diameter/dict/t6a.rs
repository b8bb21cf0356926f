//! T6a and T6b, between MME or SGSN and SCEF (TS 29.128 §6).

use super::CommandDef;
use super::base::DESTINATION_HOST;
use super::s6t::{COMMAND_REPORTING_INFORMATION, COMMON, ROUTING};
use super::tgpp::USER_IDENTIFIER;

/// Application-Id of T6a and T6b.
pub const APPLICATION: u32 = 16_777_346;

/// Reporting-Information: MME, SGSN or IWK-SCEF to SCEF.
pub const REPORTING_INFORMATION: CommandDef = CommandDef {
    code: COMMAND_REPORTING_INFORMATION,
    application: APPLICATION,
    name: "Reporting-Information",
    request: "RIR",
    answer: "RIA",
    proxiable: true,
    required: &[ROUTING],
    optional: &[COMMON, &[DESTINATION_HOST, USER_IDENTIFIER]],
};

/// The command of that code that this node takes requests of: no data is carried over T6a here.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    (code == COMMAND_REPORTING_INFORMATION).then_some(&REPORTING_INFORMATION)
}
