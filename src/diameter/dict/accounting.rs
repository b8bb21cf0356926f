//! Base accounting and Rf (RFC 6733 §9, TS 32.299 §6.2): the one command and its values.

use super::CommandDef;
use super::base::{
    ACCOUNTING_REALTIME_REQUIRED, ACCOUNTING_RECORD_NUMBER, ACCOUNTING_RECORD_TYPE,
    ACCOUNTING_SUB_SESSION_ID, ACCT_APPLICATION_ID, ACCT_INTERIM_INTERVAL, ACCT_MULTI_SESSION_ID,
    DESTINATION_HOST, DESTINATION_REALM, DRMP, EVENT_TIMESTAMP, ORIGIN_HOST, ORIGIN_REALM, ORIGIN_STATE_ID,
    SERVICE_CONTEXT_ID, SESSION_ID, USER_NAME, VENDOR_SPECIFIC_APPLICATION_ID,
};
use super::tgpp::SERVICE_INFORMATION;

pub use super::base::APPLICATION_ACCOUNTING as APPLICATION;

/// Accounting (RFC 6733 §9.7.1): a charging client to a server.
pub const ACCOUNTING: CommandDef = CommandDef {
    code: 271,
    application: APPLICATION,
    name: "Accounting",
    request: "ACR",
    answer: "ACA",
    proxiable: true,
    required: &[&[
        SESSION_ID,
        ORIGIN_HOST,
        ORIGIN_REALM,
        DESTINATION_REALM,
        ACCOUNTING_RECORD_TYPE,
        ACCOUNTING_RECORD_NUMBER,
    ]],
    optional: &[&[
        DRMP,
        DESTINATION_HOST,
        ACCT_APPLICATION_ID,
        VENDOR_SPECIFIC_APPLICATION_ID,
        USER_NAME,
        ACCOUNTING_SUB_SESSION_ID,
        ACCT_MULTI_SESSION_ID,
        ACCT_INTERIM_INTERVAL,
        ACCOUNTING_REALTIME_REQUIRED,
        ORIGIN_STATE_ID,
        EVENT_TIMESTAMP,
        SERVICE_CONTEXT_ID,
        SERVICE_INFORMATION,
    ]],
};

/// The command of that code.
pub fn command_of(code: u32) -> Option<&'static CommandDef> {
    (code == ACCOUNTING.code).then_some(&ACCOUNTING)
}

/// Values of Accounting-Record-Type (RFC 6733 §9.8.1).
pub mod record_type {
    /// Something that happened once.
    pub const EVENT: i32 = 1;
    /// A session begins.
    pub const START: i32 = 2;
    /// A session goes on.
    pub const INTERIM: i32 = 3;
    /// A session ends.
    pub const STOP: i32 = 4;
}

/// Values of Subscription-Id-Type (RFC 8506 §8.47).
pub mod subscription_id_type {
    /// An international number.
    pub const END_USER_E164: i32 = 0;
    /// An IMSI.
    pub const END_USER_IMSI: i32 = 1;
    /// A SIP or tel URI.
    pub const END_USER_SIP_URI: i32 = 2;
    /// A network access identifier.
    pub const END_USER_NAI: i32 = 3;
    /// Whatever the operator agreed on.
    pub const END_USER_PRIVATE: i32 = 4;
}
