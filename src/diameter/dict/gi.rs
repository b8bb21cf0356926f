//! AVPs of the reference points Gi and SGi, vendor 10415 (TS 29.061): what a gateway tells about a session at
//! message level. Those that are read stand in [`tgpp`](super::tgpp).

use super::avps;
use super::tgpp::VENDOR_ID;

avps! {
    vendor VENDOR_ID;
    TGPP_CG_ADDRESS = 4 "3GPP-CG-Address" OctetString M "TS 29.061";
    TGPP_GPRS_NEGOTIATED_QOS_PROFILE = 5 "3GPP-GPRS-Negotiated-QoS-Profile" Utf8String M "TS 29.061";
    TGPP_SGSN_ADDRESS = 6 "3GPP-SGSN-Address" OctetString M "TS 29.061";
    TGPP_GGSN_ADDRESS = 7 "3GPP-GGSN-Address" OctetString M "TS 29.061";
    TGPP_IMSI_MCC_MNC = 8 "3GPP-IMSI-MCC-MNC" Utf8String M "TS 29.061";
    TGPP_GGSN_MCC_MNC = 9 "3GPP-GGSN-MCC-MNC" Utf8String M "TS 29.061";
    TGPP_SELECTION_MODE = 12 "3GPP-Selection-Mode" Utf8String M "TS 29.061";
    TGPP_CHARGING_CHARACTERISTICS = 13 "3GPP-Charging-Characteristics" Utf8String M "TS 29.061";
    TGPP_CG_IPV6_ADDRESS = 14 "3GPP-CG-IPv6-Address" OctetString M "TS 29.061";
    TGPP_SGSN_IPV6_ADDRESS = 15 "3GPP-SGSN-IPv6-Address" OctetString M "TS 29.061";
    TGPP_GGSN_IPV6_ADDRESS = 16 "3GPP-GGSN-IPv6-Address" OctetString M "TS 29.061";
    TGPP_IPV6_DNS_SERVER = 17 "3GPP-IPv6-DNS-Server" OctetString M "TS 29.061";
    TGPP_TEARDOWN_INDICATOR = 19 "3GPP-Teardown-Indicator" OctetString M "TS 29.061";
    TGPP_IMEISV = 20 "3GPP-IMEISV" OctetString M "TS 29.061";
    TGPP_MS_TIMEZONE = 23 "3GPP-MS-TimeZone" OctetString M "TS 29.061";
    TGPP_CAMEL_CHARGING_INFO = 24 "3GPP-CAMEL-Charging-Info" OctetString M "TS 29.061";
    TGPP_PACKET_FILTER = 25 "3GPP-Packet-Filter" OctetString M "TS 29.061";
    TGPP_NEGOTIATED_DSCP = 26 "3GPP-Negotiated-DSCP" OctetString M "TS 29.061";
    TGPP_ALLOCATE_IP_TYPE = 27 "3GPP-Allocate-IP-Type" OctetString M "TS 29.061";
    TGPP_EXTERNAL_IDENTIFIER = 28 "3GPP-External-Identifier" Utf8String M "TS 29.061";
    TGPP_TWAN_IDENTIFIER = 29 "3GPP-TWAN-Identifier" OctetString M "TS 29.061";
    TGPP_USER_LOCATION_INFO_TIME = 30 "3GPP-User-Location-Info-Time" Unsigned32 M "TS 29.061";
    TGPP_SECONDARY_RAT_USAGE = 31 "3GPP-Secondary-RAT-Usage" OctetString M "TS 29.061";
    TMGI = 900 "TMGI" OctetString M "TS 29.061";
    REQUIRED_MBMS_BEARER_CAPABILITIES = 901 "Required-MBMS-Bearer-Capabilities" Utf8String M "TS 29.061";
    MBMS_STARTSTOP_INDICATION = 902 "MBMS-StartStop-Indication" Enumerated M "TS 29.061";
    MBMS_SERVICE_AREA = 903 "MBMS-Service-Area" OctetString M "TS 29.061";
    MBMS_SESSION_DURATION = 904 "MBMS-Session-Duration" OctetString M "TS 29.061";
    ALTERNATIVE_APN = 905 "Alternative-APN" Utf8String M "TS 29.061";
    MBMS_SERVICE_TYPE = 906 "MBMS-Service-Type" Enumerated M "TS 29.061";
    MBMS_2G_3G_INDICATOR = 907 "MBMS-2G-3G-Indicator" Enumerated M "TS 29.061";
    MBMS_SESSION_IDENTITY = 908 "MBMS-Session-Identity" OctetString M "TS 29.061";
    RAI = 909 "RAI" Utf8String M "TS 29.061";
    ADDITIONAL_MBMS_TRACE_INFO = 910 "Additional-MBMS-Trace-Info" OctetString M "TS 29.061";
    MBMS_TIME_TO_DATA_TRANSFER = 911 "MBMS-Time-To-Data-Transfer" OctetString M "TS 29.061";
    MBMS_SESSION_REPETITION_NUMBER = 912 "MBMS-Session-Repetition-Number" OctetString M "TS 29.061";
    MBMS_REQUIRED_QOS = 913 "MBMS-Required-QoS" Utf8String - "TS 29.061";
    MBMS_COUNTING_INFORMATION = 914 "MBMS-Counting-Information" Enumerated - "TS 29.061";
    MBMS_USER_DATA_MODE_INDICATION = 915 "MBMS-User-Data-Mode-Indication" Enumerated - "TS 29.061";
    MBMS_GGSN_ADDRESS = 916 "MBMS-GGSN-Address" OctetString M "TS 29.061";
    MBMS_GGSN_IPV6_ADDRESS = 917 "MBMS-GGSN-IPv6-Address" OctetString M "TS 29.061";
    MBMS_BMSC_SSM_IP_ADDRESS = 918 "MBMS-BMSC-SSM-IP-Address" OctetString M "TS 29.061";
    MBMS_BMSC_SSM_IPV6_ADDRESS = 919 "MBMS-BMSC-SSM-IPv6-Address" OctetString M "TS 29.061";
    MBMS_FLOW_IDENTIFIER = 920 "MBMS-Flow-Identifier" OctetString - "TS 29.061";
    CN_IP_MULTICAST_DISTRIBUTION = 921 "CN-IP-Multicast-Distribution" Enumerated - "TS 29.061";
    MBMS_HC_INDICATOR = 922 "MBMS-HC-Indicator" Enumerated - "TS 29.061";
    MBMS_ACCESS_INDICATOR = 923 "MBMS-Access-Indicator" Enumerated M "TS 29.061";
    MBMS_GW_SSM_IP_ADDRESS = 924 "MBMS-GW-SSM-IP-Address" OctetString - "TS 29.061";
    MBMS_GW_SSM_IPV6_ADDRESS = 925 "MBMS-GW-SSM-IPv6-Address" OctetString - "TS 29.061";
    MBMS_BMSC_SSM_UDP_PORT = 926 "MBMS-BMSC-SSM-UDP-Port" OctetString - "TS 29.061";
    MBMS_GW_UDP_PORT = 927 "MBMS-GW-UDP-Port" OctetString - "TS 29.061";
    MBMS_GW_UDP_PORT_INDICATOR = 928 "MBMS-GW-UDP-Port-Indicator" Enumerated - "TS 29.061";
    MBMS_DATA_TRANSFER_START = 929 "MBMS-Data-Transfer-Start" Unsigned64 M "TS 29.061";
    MBMS_DATA_TRANSFER_STOP = 930 "MBMS-Data-Transfer-Stop" Unsigned64 M "TS 29.061";
    MBMS_FLAGS = 931 "MBMS-Flags" Unsigned32 M "TS 29.061";
    RESTART_COUNTER = 932 "Restart-Counter" Unsigned32 M "TS 29.061";
    DIAGNOSTIC_INFO = 933 "Diagnostic-Info" Unsigned32 M "TS 29.061";
    MBMS_CELL_LIST = 934 "MBMS-Cell-List" OctetString M "TS 29.061";
}
