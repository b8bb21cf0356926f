//! AVPs of 3GPP, vendor 10415.
//!
//! Where an application re-uses the AVP of another, its own table overrides the M bit (TS 29.272 §7.3.1, Tables
//! 7.3.1/1 and 7.3.1/2): the column here is what S6a/S6d sends. Receivers accept either.

use super::avps;

/// The SMI enterprise number of 3GPP.
pub const VENDOR_ID: u32 = 10415;

avps! {
    vendor VENDOR_ID;
    VISITED_NETWORK_IDENTIFIER = 600 "Visited-Network-Identifier" OctetString M "TS 29.229 §6.3.1";
    SUPPORTED_FEATURES = 628 "Supported-Features" Grouped - "TS 29.229 §6.3.29; M if the sender insists";
    FEATURE_LIST_ID = 629 "Feature-List-ID" Unsigned32 - "TS 29.229 §6.3.30";
    FEATURE_LIST = 630 "Feature-List" Unsigned32 - "TS 29.229 §6.3.31";
    MSISDN = 701 "MSISDN" OctetString M "TS 29.329 §6.3.2, TBCD";
    RAT_TYPE = 1032 "RAT-Type" Enumerated M "TS 29.212 §5.3.31";
    SUBSCRIPTION_DATA = 1400 "Subscription-Data" Grouped M "TS 29.272";
    TERMINAL_INFORMATION = 1401 "Terminal-Information" Grouped M "TS 29.272";
    IMEI = 1402 "IMEI" Utf8String M "TS 29.272";
    SOFTWARE_VERSION = 1403 "Software-Version" Utf8String M "TS 29.272";
    ULR_FLAGS = 1405 "ULR-Flags" Unsigned32 M "TS 29.272 §7.3.7";
    ULA_FLAGS = 1406 "ULA-Flags" Unsigned32 M "TS 29.272 §7.3.8";
    VISITED_PLMN_ID = 1407 "Visited-PLMN-Id" OctetString M "TS 29.272 §7.3.9";
    REQUESTED_EUTRAN_AUTHENTICATION_INFO = 1408 "Requested-EUTRAN-Authentication-Info" Grouped M "TS 29.272";
    REQUESTED_UTRAN_GERAN_AUTHENTICATION_INFO = 1409 "Requested-UTRAN-GERAN-Authentication-Info" Grouped M "TS 29.272";
    NETWORK_ACCESS_MODE = 1417 "Network-Access-Mode" Enumerated M "TS 29.272";
    CANCELLATION_TYPE = 1420 "Cancellation-Type" Enumerated M "TS 29.272 §7.3.24";
    DSR_FLAGS = 1421 "DSR-Flags" Unsigned32 M "TS 29.272 §7.3.25";
    CONTEXT_IDENTIFIER = 1423 "Context-Identifier" Unsigned32 M "TS 29.272";
    SUBSCRIBER_STATUS = 1424 "Subscriber-Status" Enumerated M "TS 29.272";
    OPERATOR_DETERMINED_BARRING = 1425 "Operator-Determined-Barring" Unsigned32 M "TS 29.272";
    APN_CONFIGURATION_PROFILE = 1429 "APN-Configuration-Profile" Grouped M "TS 29.272";
    ALERT_REASON = 1434 "Alert-Reason" Enumerated M "TS 29.272";
    IDA_FLAGS = 1441 "IDA-Flags" Unsigned32 M "TS 29.272";
    PUA_FLAGS = 1442 "PUA-Flags" Unsigned32 M "TS 29.272 §7.3.48";
    NOR_FLAGS = 1443 "NOR-Flags" Unsigned32 M "TS 29.272 §7.3.49";
    USER_ID = 1444 "User-Id" Utf8String - "TS 29.272";
    REGIONAL_SUBSCRIPTION_ZONE_CODE = 1446 "Regional-Subscription-Zone-Code" OctetString M "TS 29.272";
    PDN_TYPE = 1456 "PDN-Type" Enumerated M "TS 29.272";
    TRACE_REFERENCE = 1459 "Trace-Reference" OctetString M "TS 29.272";
    MEID_3GPP2 = 1471 "3GPP2-MEID" OctetString M "TS 29.272";
    SPECIFIC_APN_INFO = 1472 "Specific-APN-Info" Grouped M "TS 29.272";
    SS_CODE = 1476 "SS-Code" OctetString M "TS 29.272";
    TS_CODE = 1487 "TS-Code" OctetString M "TS 29.272";
    SGSN_NUMBER = 1489 "SGSN-Number" OctetString M "TS 29.272, TBCD";
    IDR_FLAGS = 1490 "IDR-Flags" Unsigned32 M "TS 29.272 §7.3.103";
    IMS_VOICE_OVER_PS_SESSIONS_SUPPORTED = 1492 "IMS-Voice-Over-PS-Sessions-Supported" Enumerated - "TS 29.272";
    HOMOGENEOUS_SUPPORT_OF_IMS_VOICE = 1493 "Homogeneous-Support-of-IMS-Voice-Over-PS-Sessions" Enumerated - "TS 29.272";
    LAST_UE_ACTIVITY_TIME = 1494 "Last-UE-Activity-Time" Time - "TS 29.272";
    EPS_USER_STATE = 1495 "EPS-User-State" Grouped - "TS 29.272";
    EPS_LOCATION_INFORMATION = 1496 "EPS-Location-Information" Grouped - "TS 29.272";
    MME_USER_STATE = 1497 "MME-User-State" Grouped - "TS 29.272";
    SGSN_USER_STATE = 1498 "SGSN-User-State" Grouped - "TS 29.272";
    USER_STATE = 1499 "User-State" Enumerated - "TS 29.272";
    EMERGENCY_SERVICES = 1538 "Emergency-Services" Unsigned32 - "TS 29.273";
    MME_LOCATION_INFORMATION = 1600 "MME-Location-Information" Grouped - "TS 29.272";
    SGSN_LOCATION_INFORMATION = 1601 "SGSN-Location-Information" Grouped - "TS 29.272";
    E_UTRAN_CELL_GLOBAL_IDENTITY = 1602 "E-UTRAN-Cell-Global-Identity" OctetString - "TS 29.272";
    TRACKING_AREA_IDENTITY = 1603 "Tracking-Area-Identity" OctetString - "TS 29.272";
    CURRENT_LOCATION_RETRIEVED = 1610 "Current-Location-Retrieved" Enumerated - "TS 29.272";
    AGE_OF_LOCATION_INFORMATION = 1611 "Age-Of-Location-Information" Unsigned32 - "TS 29.272";
    ACTIVE_APN = 1612 "Active-APN" Grouped - "TS 29.272";
    ERROR_DIAGNOSTIC = 1614 "Error-Diagnostic" Enumerated - "TS 29.272";
    UE_SRVCC_CAPABILITY = 1615 "UE-SRVCC-Capability" Enumerated - "TS 29.272";
    SUBSCRIBED_PERIODIC_RAU_TAU_TIMER = 1619 "Subscribed-Periodic-RAU-TAU-Timer" Unsigned32 - "TS 29.272";
    PUR_FLAGS = 1635 "PUR-Flags" Unsigned32 - "TS 29.272 §7.3.149";
    EQUIVALENT_PLMN_LIST = 1637 "Equivalent-PLMN-List" Grouped - "TS 29.272";
    CLR_FLAGS = 1638 "CLR-Flags" Unsigned32 - "TS 29.272 §7.3.152";
    A_MSISDN = 1643 "A-MSISDN" OctetString - "TS 29.272, TBCD";
    MME_NUMBER_FOR_MT_SMS = 1645 "MME-Number-for-MT-SMS" OctetString - "TS 29.272, TBCD";
    SMS_REGISTER_REQUEST = 1648 "SMS-Register-Request" Enumerated - "TS 29.272";
    LOCAL_TIME_ZONE = 1649 "Local-Time-Zone" Grouped - "TS 29.272";
    SUBSCRIPTION_DATA_FLAGS = 1654 "Subscription-Data-Flags" Unsigned32 - "TS 29.272";
    SGS_MME_IDENTITY = 1664 "SGs-MME-Identity" Utf8String - "TS 29.272";
    COUPLED_NODE_DIAMETER_ID = 1666 "Coupled-Node-Diameter-ID" DiameterIdentity - "TS 29.272";
    RESET_ID = 1670 "Reset-ID" OctetString - "TS 29.272";
    ADJACENT_PLMNS = 1672 "Adjacent-PLMNs" Grouped - "TS 29.272";
    DL_BUFFERING_SUGGESTED_PACKET_COUNT = 1674 "DL-Buffering-Suggested-Packet-Count" Integer32 - "TS 29.272";
    IMSI_GROUP_ID = 1675 "IMSI-Group-Id" Grouped - "TS 29.272";
    AIR_FLAGS = 1679 "AIR-Flags" Unsigned32 - "TS 29.272";
    UE_USAGE_TYPE = 1680 "UE-Usage-Type" Unsigned32 - "TS 29.272";
    SCEF_REALM = 1684 "SCEF-Realm" DiameterIdentity - "TS 29.272";
    SUBSCRIPTION_DATA_DELETION = 1685 "Subscription-Data-Deletion" Grouped - "TS 29.272";
    EDRX_CYCLE_LENGTH = 1691 "eDRX-Cycle-Length" Grouped - "TS 29.272";
    EDRX_CYCLE_LENGTH_VALUE = 1692 "eDRX-Cycle-Length-Value" OctetString - "TS 29.272";
    EDRX_RELATED_RAT = 1705 "eDRX-Related-RAT" Grouped - "TS 29.272";
    SF_ULR_TIMESTAMP = 1729 "SF-ULR-Timestamp" Time - "TS 29.272";
    SF_PROVISIONAL_INDICATION = 1730 "SF-Provisional-Indication" Enumerated - "TS 29.272";
    GMLC_ADDRESS = 2405 "GMLC-Address" Address M "TS 29.173";
    EXTERNAL_IDENTIFIER = 3111 "External-Identifier" Utf8String M "TS 29.336";
    MONITORING_EVENT_CONFIGURATION = 3122 "Monitoring-Event-Configuration" Grouped - "TS 29.336";
    MONITORING_EVENT_REPORT = 3123 "Monitoring-Event-Report" Grouped - "TS 29.336";
    SCEF_REFERENCE_ID = 3124 "SCEF-Reference-ID" Unsigned32 - "TS 29.336";
    SCEF_ID = 3125 "SCEF-ID" DiameterIdentity - "TS 29.336";
    MONITORING_EVENT_CONFIG_STATUS = 3142 "Monitoring-Event-Config-Status" Grouped - "TS 29.336";
    SUPPORTED_SERVICES = 3143 "Supported-Services" Grouped - "TS 29.336";
    SUPPORTED_MONITORING_EVENTS = 3144 "Supported-Monitoring-Events" Unsigned64 - "TS 29.336";
    MAXIMUM_UE_AVAILABILITY_TIME = 3329 "Maximum-UE-Availability-Time" Time - "TS 29.338";
    ACTIVE_TIME = 4324 "Active-Time" Unsigned32 - "TS 29.128";
}
