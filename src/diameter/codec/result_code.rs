//! Result codes of the base protocol (RFC 6733 §7.1), and the separate number space of other vendors (§7.7).

use std::fmt;

/// The value of Result-Code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultCode(pub u32);

macro_rules! result_codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        impl ResultCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// The name in the RFC, without its prefix `DIAMETER_`; `"UNKNOWN"` for a code that it does not define.
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($code => stringify!($name),)*
                    _ => "UNKNOWN",
                }
            }
        }
    };
}

result_codes! {
    /// §7.1.2
    SUCCESS = 2001;
    /// §7.1.2
    LIMITED_SUCCESS = 2002;
    /// §7.1.3: not a command of this application.
    COMMAND_UNSUPPORTED = 3001;
    /// §7.1.3: addressed to another host.
    UNABLE_TO_DELIVER = 3002;
    /// §7.1.3: addressed to another realm.
    REALM_NOT_SERVED = 3003;
    /// §7.1.3: overload; the sender may try elsewhere.
    TOO_BUSY = 3004;
    /// §7.1.3
    LOOP_DETECTED = 3005;
    /// §7.1.3
    REDIRECT_INDICATION = 3006;
    /// §7.1.3: an application that was not negotiated.
    APPLICATION_UNSUPPORTED = 3007;
    /// §7.1.3: command flags that contradict the command.
    INVALID_HDR_BITS = 3008;
    /// §7.1.3: AVP flags that contradict the base protocol.
    INVALID_AVP_BITS = 3009;
    /// §7.1.3: capabilities exchange with a peer that is not configured.
    UNKNOWN_PEER = 3010;
    /// §7.1.4
    AUTHENTICATION_REJECTED = 4001;
    /// §7.1.4: an accounting record cannot be stored now.
    OUT_OF_SPACE = 4002;
    /// §7.1.4
    ELECTION_LOST = 4003;
    /// §7.1.5: an unknown AVP with the M bit.
    AVP_UNSUPPORTED = 5001;
    /// §7.1.5
    UNKNOWN_SESSION_ID = 5002;
    /// §7.1.5
    AUTHORIZATION_REJECTED = 5003;
    /// §7.1.5
    INVALID_AVP_VALUE = 5004;
    /// §7.1.5
    MISSING_AVP = 5005;
    /// §7.1.5
    RESOURCES_EXCEEDED = 5006;
    /// §7.1.5
    CONTRADICTING_AVPS = 5007;
    /// §7.1.5
    AVP_NOT_ALLOWED = 5008;
    /// §7.1.5
    AVP_OCCURS_TOO_MANY_TIMES = 5009;
    /// §7.1.5
    NO_COMMON_APPLICATION = 5010;
    /// §7.1.5
    UNSUPPORTED_VERSION = 5011;
    /// §7.1.5: anything else.
    UNABLE_TO_COMPLY = 5012;
    /// §7.1.5
    INVALID_BIT_IN_HEADER = 5013;
    /// §7.1.5
    INVALID_AVP_LENGTH = 5014;
    /// §7.1.5
    INVALID_MESSAGE_LENGTH = 5015;
    /// §7.1.5
    INVALID_AVP_BIT_COMBO = 5016;
    /// §7.1.5
    NO_COMMON_SECURITY = 5017;
}

impl ResultCode {
    /// 3xxx: the answer takes the error form, with the E bit (§7.1.3).
    pub const fn is_protocol_error(self) -> bool {
        self.0 / 1000 == 3
    }

    /// 2xxx.
    pub const fn is_success(self) -> bool {
        self.0 / 1000 == 2
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DIAMETER_{} ({})", self.name(), self.0)
    }
}

/// A code of another number space than the base protocol's; 3GPP uses the base protocol's numbers for other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExperimentalResult {
    /// Whose numbers.
    pub vendor: u32,
    /// The number.
    pub code: u32,
}

/// What an answer says of its outcome. The two number spaces are kept apart: 3GPP uses numbers of the base protocol for
/// other things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Result-Code.
    Base(ResultCode),
    /// Experimental-Result.
    Experimental(ExperimentalResult),
}

impl Answered {
    /// The number, whatever its space.
    pub const fn code(self) -> u32 {
        match self {
            Self::Base(ResultCode(code)) | Self::Experimental(ExperimentalResult { code, .. }) => code,
        }
    }

    /// Whether it is a success (2xxx).
    pub const fn is_success(self) -> bool {
        self.code() / 1000 == 2
    }
}
