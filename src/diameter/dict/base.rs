//! The base protocol: applications, commands and AVPs of the IETF (RFC 6733), with the few of other RFCs that 3GPP
//! applications carry (RFC 7683 overload, RFC 7944 priority, RFC 8583 load, RFC 5447 and RFC 5778 mobility).

use super::{CommandDef, avps};

/// Application-Id of the base protocol's own commands (RFC 6733 §2.4).
pub const APPLICATION: u32 = 0;
/// Base accounting (RFC 6733 §2.4).
pub const APPLICATION_ACCOUNTING: u32 = 3;
/// Advertised by agents that relay everything; never in a header (RFC 6733 §2.4).
pub const APPLICATION_RELAY: u32 = 0xffff_ffff;

/// Capabilities-Exchange (RFC 6733 §5.3).
pub const COMMAND_CAPABILITIES_EXCHANGE: u32 = 257;
/// Device-Watchdog (RFC 6733 §5.5).
pub const COMMAND_DEVICE_WATCHDOG: u32 = 280;
/// Disconnect-Peer (RFC 6733 §5.4).
pub const COMMAND_DISCONNECT_PEER: u32 = 282;

/// Values of Disconnect-Cause (RFC 6733 §5.4.3).
pub mod disconnect_cause {
    /// The peer will be back soon.
    pub const REBOOTING: i32 = 0;
    /// Short of resources.
    pub const BUSY: i32 = 1;
    /// No messages are expected.
    pub const DO_NOT_WANT_TO_TALK_TO_YOU: i32 = 2;
}

/// Values of Auth-Session-State (RFC 6733 §8.11).
pub mod auth_session_state {
    /// No STR, ASR or RAR will follow.
    pub const NO_STATE_MAINTAINED: i32 = 1;
}

/// Capabilities-Exchange-Request (RFC 6733 §5.3.1).
pub const CAPABILITIES_EXCHANGE: CommandDef = CommandDef {
    code: COMMAND_CAPABILITIES_EXCHANGE,
    application: APPLICATION,
    name: "Capabilities-Exchange",
    request: "CER",
    answer: "CEA",
    proxiable: false,
    required: &[&[ORIGIN_HOST, ORIGIN_REALM, VENDOR_ID, PRODUCT_NAME]],
    optional: &[&[ORIGIN_STATE_ID, FIRMWARE_REVISION]],
};

/// Device-Watchdog-Request (RFC 6733 §5.5.1).
pub const DEVICE_WATCHDOG: CommandDef = CommandDef {
    code: COMMAND_DEVICE_WATCHDOG,
    application: APPLICATION,
    name: "Device-Watchdog",
    request: "DWR",
    answer: "DWA",
    proxiable: false,
    required: &[&[ORIGIN_HOST, ORIGIN_REALM]],
    optional: &[&[ORIGIN_STATE_ID]],
};

/// Disconnect-Peer-Request (RFC 6733 §5.4.1).
pub const DISCONNECT_PEER: CommandDef = CommandDef {
    code: COMMAND_DISCONNECT_PEER,
    application: APPLICATION,
    name: "Disconnect-Peer",
    request: "DPR",
    answer: "DPA",
    proxiable: false,
    required: &[&[ORIGIN_HOST, ORIGIN_REALM, DISCONNECT_CAUSE]],
    optional: &[],
};

avps! {
    vendor 0;
    USER_NAME = 1 "User-Name" Utf8String M "RFC 6733 §8.14";
    NAS_IP_ADDRESS = 4 "NAS-IP-Address" OctetString M "RFC 7155";
    FRAMED_IP_ADDRESS = 8 "Framed-IP-Address" OctetString M "RFC 7155";
    CLASS = 25 "Class" OctetString M "RFC 6733 §8.20";
    SESSION_TIMEOUT = 27 "Session-Timeout" Unsigned32 M "RFC 6733 §8.13";
    CALLED_STATION_ID = 30 "Called-Station-Id" Utf8String M "RFC 7155";
    CALLING_STATION_ID = 31 "Calling-Station-Id" Utf8String M "RFC 7155";
    NAS_IDENTIFIER = 32 "NAS-Identifier" Utf8String M "RFC 7155";
    PROXY_STATE = 33 "Proxy-State" OctetString M "RFC 6733 §6.7.4";
    ACCT_SESSION_ID = 44 "Acct-Session-Id" OctetString M "RFC 6733 §9.8.4";
    ACCT_MULTI_SESSION_ID = 50 "Acct-Multi-Session-Id" Utf8String M "RFC 6733 §9.8.5";
    EVENT_TIMESTAMP = 55 "Event-Timestamp" Time M "RFC 6733 §8.21";
    ACCT_INTERIM_INTERVAL = 85 "Acct-Interim-Interval" Unsigned32 M "RFC 6733 §9.8.2";
    FRAMED_INTERFACE_ID = 96 "Framed-Interface-Id" Unsigned64 M "RFC 7155";
    FRAMED_IPV6_PREFIX = 97 "Framed-IPv6-Prefix" OctetString M "RFC 3162, RFC 7155";
    DELEGATED_IPV6_PREFIX = 123 "Delegated-IPv6-Prefix" OctetString - "RFC 4818";
    HOST_IP_ADDRESS = 257 "Host-IP-Address" Address M "RFC 6733 §5.3.5";
    AUTH_APPLICATION_ID = 258 "Auth-Application-Id" Unsigned32 M "RFC 6733 §6.8";
    ACCT_APPLICATION_ID = 259 "Acct-Application-Id" Unsigned32 M "RFC 6733 §6.9";
    VENDOR_SPECIFIC_APPLICATION_ID = 260 "Vendor-Specific-Application-Id" Grouped M "RFC 6733 §6.11";
    REDIRECT_HOST_USAGE = 261 "Redirect-Host-Usage" Enumerated M "RFC 6733 §6.13";
    REDIRECT_MAX_CACHE_TIME = 262 "Redirect-Max-Cache-Time" Unsigned32 M "RFC 6733 §6.14";
    SESSION_ID = 263 "Session-Id" Utf8String M "RFC 6733 §8.8, the first AVP";
    ORIGIN_HOST = 264 "Origin-Host" DiameterIdentity M "RFC 6733 §6.3";
    SUPPORTED_VENDOR_ID = 265 "Supported-Vendor-Id" Unsigned32 M "RFC 6733 §5.3.6";
    VENDOR_ID = 266 "Vendor-Id" Unsigned32 M "RFC 6733 §5.3.3";
    FIRMWARE_REVISION = 267 "Firmware-Revision" Unsigned32 - "RFC 6733 §5.3.4";
    RESULT_CODE = 268 "Result-Code" Unsigned32 M "RFC 6733 §7.1";
    PRODUCT_NAME = 269 "Product-Name" Utf8String - "RFC 6733 §5.3.7";
    SESSION_BINDING = 270 "Session-Binding" Unsigned32 M "RFC 6733 §8.17";
    SESSION_SERVER_FAILOVER = 271 "Session-Server-Failover" Enumerated M "RFC 6733 §8.18";
    MULTI_ROUND_TIME_OUT = 272 "Multi-Round-Time-Out" Unsigned32 M "RFC 6733 §8.19";
    DISCONNECT_CAUSE = 273 "Disconnect-Cause" Enumerated M "RFC 6733 §5.4.3";
    AUTH_REQUEST_TYPE = 274 "Auth-Request-Type" Enumerated M "RFC 6733 §8.7";
    AUTH_GRACE_PERIOD = 276 "Auth-Grace-Period" Unsigned32 M "RFC 6733 §8.10";
    AUTH_SESSION_STATE = 277 "Auth-Session-State" Enumerated M "RFC 6733 §8.11";
    ORIGIN_STATE_ID = 278 "Origin-State-Id" Unsigned32 M "RFC 6733 §8.16";
    FAILED_AVP = 279 "Failed-AVP" Grouped M "RFC 6733 §7.5";
    PROXY_HOST = 280 "Proxy-Host" DiameterIdentity M "RFC 6733 §6.7.3";
    ERROR_MESSAGE = 281 "Error-Message" Utf8String - "RFC 6733 §7.3";
    ROUTE_RECORD = 282 "Route-Record" DiameterIdentity M "RFC 6733 §6.7.1";
    DESTINATION_REALM = 283 "Destination-Realm" DiameterIdentity M "RFC 6733 §6.6";
    PROXY_INFO = 284 "Proxy-Info" Grouped M "RFC 6733 §6.7.2";
    RE_AUTH_REQUEST_TYPE = 285 "Re-Auth-Request-Type" Enumerated M "RFC 6733 §8.12";
    ACCOUNTING_SUB_SESSION_ID = 287 "Accounting-Sub-Session-Id" Unsigned64 M "RFC 6733 §9.8.6";
    AUTHORIZATION_LIFETIME = 291 "Authorization-Lifetime" Unsigned32 M "RFC 6733 §8.9";
    REDIRECT_HOST = 292 "Redirect-Host" DiameterUri M "RFC 6733 §6.12";
    DESTINATION_HOST = 293 "Destination-Host" DiameterIdentity M "RFC 6733 §6.5";
    ERROR_REPORTING_HOST = 294 "Error-Reporting-Host" DiameterIdentity - "RFC 6733 §7.4";
    TERMINATION_CAUSE = 295 "Termination-Cause" Enumerated M "RFC 6733 §8.15";
    ORIGIN_REALM = 296 "Origin-Realm" DiameterIdentity M "RFC 6733 §6.4";
    EXPERIMENTAL_RESULT = 297 "Experimental-Result" Grouped M "RFC 6733 §7.6";
    EXPERIMENTAL_RESULT_CODE = 298 "Experimental-Result-Code" Unsigned32 M "RFC 6733 §7.7";
    INBAND_SECURITY_ID = 299 "Inband-Security-Id" Unsigned32 M "RFC 6733 §6.10";
    DRMP = 301 "DRMP" Enumerated - "RFC 7944 §9.1";
    SUBSCRIPTION_ID = 443 "Subscription-Id" Grouped M "RFC 8506";
    SUBSCRIPTION_ID_DATA = 444 "Subscription-Id-Data" Utf8String M "RFC 8506";
    SUBSCRIPTION_ID_TYPE = 450 "Subscription-Id-Type" Enumerated M "RFC 8506";
    SERVICE_CONTEXT_ID = 461 "Service-Context-Id" Utf8String M "RFC 8506";
    ACCOUNTING_RECORD_TYPE = 480 "Accounting-Record-Type" Enumerated M "RFC 6733 §9.8.1";
    ACCOUNTING_REALTIME_REQUIRED = 483 "Accounting-Realtime-Required" Enumerated M "RFC 6733 §9.8.7";
    ACCOUNTING_RECORD_NUMBER = 485 "Accounting-Record-Number" Unsigned32 M "RFC 6733 §9.8.3";
    MIP6_AGENT_INFO = 486 "MIP6-Agent-Info" Grouped M "RFC 5447 §4.2.1";
    SERVICE_SELECTION = 493 "Service-Selection" Utf8String M "RFC 5778 §6.2";
    OC_SUPPORTED_FEATURES = 621 "OC-Supported-Features" Grouped - "RFC 7683 §7.1";
    OC_OLR = 623 "OC-OLR" Grouped - "RFC 7683 §7.3";
    LOAD = 650 "Load" Grouped - "RFC 8583 §7.1";
}
