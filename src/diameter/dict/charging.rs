//! AVPs of offline charging, vendor 10415: the members of Service-Information and PS-Information (TS 32.299 §7.2), which some
//! charging clients put at message level. Those that are read stand in [`tgpp`](super::tgpp).

use super::avps;
use super::tgpp::VENDOR_ID;

avps! {
    vendor VENDOR_ID;
    SPONSOR_IDENTITY = 531 "Sponsor-Identity" Utf8String M "TS 29.214";
    APPLICATION_SERVICE_PROVIDER_IDENTITY = 532 "Application-Service-Provider-Identity" Utf8String M "TS 29.214";
    CG_ADDRESS = 846 "CG-Address" Address M "TS 32.299";
    PS_FURNISH_CHARGING_INFORMATION = 865 "PS-Furnish-Charging-Information" Grouped M "TS 32.299";
    WLAN_INFORMATION = 875 "WLAN-Information" Grouped M "TS 32.299";
    IMS_INFORMATION = 876 "IMS-Information" Grouped M "TS 32.299";
    MMS_INFORMATION = 877 "MMS-Information" Grouped M "TS 32.299";
    LCS_INFORMATION = 878 "LCS-Information" Grouped M "TS 32.299";
    POC_INFORMATION = 879 "PoC-Information" Grouped M "TS 32.299";
    MBMS_INFORMATION = 880 "MBMS-Information" Grouped M "TS 32.299";
    CHARGING_RULE_BASE_NAME = 1004 "Charging-Rule-Base-Name" Utf8String M "TS 29.212";
    QOS_INFORMATION = 1016 "QoS-Information" Grouped M "TS 29.212";
    PDN_CONNECTION_ID = 1065 "PDN-Connection-ID" OctetString M "TS 29.212";
    TDF_IP_ADDRESS = 1091 "TDF-IP-Address" Address - "TS 29.212";
    ADC_RULE_BASE_NAME = 1095 "ADC-Rule-Base-Name" Utf8String M "TS 29.212";
    PDP_CONTEXT_TYPE = 1247 "PDP-Context-Type" Enumerated - "TS 32.299";
    SERVICE_SPECIFIC_INFO = 1249 "Service-Specific-Info" Grouped - "TS 32.299";
    AF_CORRELATION_INFORMATION = 1276 "AF-Correlation-Information" Grouped - "TS 32.299";
    OFFLINE_CHARGING = 1278 "Offline-Charging" Grouped - "TS 32.299";
    CHANGE_TIME = 2038 "Change-Time" Time - "TS 32.299";
    DIAGNOSTICS = 2039 "Diagnostics" Enumerated - "TS 32.299";
    SERVICE_DATA_CONTAINER = 2040 "Service-Data-Container" Grouped - "TS 32.299";
    TIME_FIRST_USAGE = 2043 "Time-First-Usage" Time - "TS 32.299";
    TIME_LAST_USAGE = 2044 "Time-Last-Usage" Time - "TS 32.299";
    TIME_USAGE = 2045 "Time-Usage" Unsigned32 - "TS 32.299";
    TRAFFIC_DATA_VOLUMES = 2046 "Traffic-Data-Volumes" Grouped - "TS 32.299";
    LOCAL_SEQUENCE_NUMBER = 2063 "Local-Sequence-Number" Unsigned32 - "TS 32.299";
    NODE_ID = 2064 "Node-Id" Utf8String - "TS 32.299";
    SGW_CHANGE = 2065 "SGW-Change" Enumerated M "TS 32.299";
    CHARGING_CHARACTERISTICS_SELECTION_MODE = 2066 "Charging-Characteristics-Selection-Mode" Enumerated M "TS 32.299";
    SGW_ADDRESS = 2067 "SGW-Address" Address - "TS 32.299";
    DYNAMIC_ADDRESS_FLAG_EXTENSION = 2068 "Dynamic-Address-Flag-Extension" Enumerated - "TS 32.299";
    IMSI_UNAUTHENTICATED_FLAG = 2308 "IMSI-Unauthenticated-Flag" Enumerated - "TS 32.299";
    USER_CSG_INFORMATION = 2319 "User-CSG-Information" Grouped - "TS 32.299";
    LOW_PRIORITY_INDICATOR = 2602 "Low-Priority-Indicator" Enumerated - "TS 32.299";
    TWAN_USER_LOCATION_INFO = 2714 "TWAN-User-Location-Info" Grouped M "TS 32.299";
    USER_LOCATION_INFO_TIME = 2812 "User-Location-Info-Time" Time - "TS 29.212";
    PRESENCE_REPORTING_AREA_INFORMATION = 2822 "Presence-Reporting-Area-Information" Grouped M "TS 29.212";
    PRESENCE_REPORTING_AREA_STATUS = 2823 "Presence-Reporting-Area-Status" Enumerated M "TS 29.212";
    FIXED_USER_LOCATION_INFO = 2825 "Fixed-User-Location-Info" Grouped - "TS 29.212";
    NBIFOM_MODE = 2830 "NBIFOM-Mode" Enumerated M "TS 29.212";
    NBIFOM_SUPPORT = 2831 "NBIFOM-Support" Enumerated M "TS 29.212";
    ACCESS_AVAILABILITY_CHANGE_REASON = 2833 "Access-Availability-Change-Reason" Unsigned32 - "TS 29.212";
    CN_OPERATOR_SELECTION_ENTITY = 3421 "CN-Operator-Selection-Entity" Enumerated M "TS 32.299";
    EPDG_ADDRESS = 3425 "ePDG-Address" Address M "TS 32.299";
    ENHANCED_DIAGNOSTICS = 3901 "Enhanced-Diagnostics" Grouped M "TS 32.299";
    TWAG_ADDRESS = 3903 "TWAG-Address" Address M "TS 32.299";
    UWAN_USER_LOCATION_INFO = 3918 "UWAN-User-Location-Info" Grouped M "TS 32.299";
    RELATED_CHANGE_CONDITION_INFORMATION = 3925 "Related-Change-Condition-Information" Grouped M "TS 32.299";
    CP_CIOT_EPS_OPTIMISATION_INDICATOR = 3930 "CP-CIoT-EPS-Optimisation-Indicator" Enumerated M "TS 32.299";
    SGI_PTP_TUNNELLING_METHOD = 3931 "SGi-PtP-Tunnelling-Method" Enumerated M "TS 32.299";
    UNI_PDU_CP_ONLY_FLAG = 3932 "UNI-PDU-CP-Only-Flag" Enumerated M "TS 32.299";
    APN_RATE_CONTROL = 3933 "APN-Rate-Control" Grouped M "TS 32.299";
    SERVING_PLMN_RATE_CONTROL = 4310 "Serving-PLMN-Rate-Control" Grouped M "TS 29.128";
    RRC_CAUSE_COUNTER = 4318 "RRC-Cause-Counter" Grouped M "TS 29.128";
    CHARGING_PER_IP_CAN_SESSION_INDICATOR = 4400 "Charging-Per-IP-CAN-Session-Indicator" Enumerated M "TS 32.299";
}
