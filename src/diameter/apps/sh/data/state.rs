//! The enumerations of Sh-Data (TS 29.328 §7.6, annex D).

/// EPSUserState, PSUserState and Sh-5GSUserState (TS 29.328 §7.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserState {
    /// 0
    Detached,
    /// 1: attached without a PDN connection, and not to be paged.
    AttachedNotReachableForPaging,
    /// 2: attached without a PDN connection.
    AttachedReachableForPaging,
    /// 3: not to be paged.
    ConnectedNotReachableForPaging,
    /// 4
    ConnectedReachableForPaging,
    /// 5: the node did not say.
    NotProvided,
    /// 6: the network knows by itself that the subscriber cannot be reached.
    NetworkDeterminedNotReachable,
}

impl UserState {
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "0" => Self::Detached,
            "1" => Self::AttachedNotReachableForPaging,
            "2" => Self::AttachedReachableForPaging,
            "3" => Self::ConnectedNotReachableForPaging,
            "4" => Self::ConnectedReachableForPaging,
            "5" => Self::NotProvided,
            "6" => Self::NetworkDeterminedNotReachable,
            _ => return None,
        })
    }
}

/// CSUserState (TS 29.328 §7.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CsUserState {
    /// 0
    CamelBusy,
    /// 1
    NetworkDeterminedNotReachable,
    /// 2
    AssumedIdle,
    /// 3
    NotProvided,
}

impl CsUserState {
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "0" => Self::CamelBusy,
            "1" => Self::NetworkDeterminedNotReachable,
            "2" => Self::AssumedIdle,
            "3" => Self::NotProvided,
            _ => return None,
        })
    }
}

/// IMSUserState (TS 29.328 §7.6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImsUserState {
    /// 0
    NotRegistered,
    /// 1
    Registered,
    /// 2: served although not registered.
    RegisteredUnregServices,
    /// 3: registering.
    AuthenticationPending,
}

impl ImsUserState {
    pub(super) fn read(text: &str) -> Option<Self> {
        Some(match text {
            "0" => Self::NotRegistered,
            "1" => Self::Registered,
            "2" => Self::RegisteredUnregServices,
            "3" => Self::AuthenticationPending,
            _ => return None,
        })
    }
}
