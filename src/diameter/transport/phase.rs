//! How an open connection comes to its end (RFC 6733 §5.4; peer/LIFECYCLE.md, "An orderly stop").

use crate::diameter::peer::messages::DisconnectCause;

/// Why an open connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer closed it, or the transport failed.
    Disconnected,
    /// The peer disconnected in order (DPR), for this reason.
    PeerLeft(DisconnectCause),
    /// This node disconnected in order.
    Stopped,
    /// The peer did not answer the watchdog.
    Watchdog,
    /// Message boundaries were lost.
    Framing,
    /// A message did not arrive whole in time.
    SlowMessage,
    /// The peer did not take what was written to it.
    SlowReader,
    /// The peer's other connection was kept instead.
    Superseded,
}

impl CloseReason {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Disconnected => "the connection was lost",
            Self::PeerLeft(DisconnectCause::Rebooting) => "the peer disconnected, to restart",
            Self::PeerLeft(DisconnectCause::Busy) => "the peer disconnected, being busy",
            Self::PeerLeft(DisconnectCause::DoNotWantToTalkToYou) => {
                "the peer disconnected, expecting no messages"
            }
            Self::Stopped => "this node disconnected",
            Self::Watchdog => "the watchdog was not answered",
            Self::Framing => "message boundaries were lost",
            Self::SlowMessage => "a message was not complete in time",
            Self::SlowReader => "the peer did not read",
            Self::Superseded => "another connection was kept",
        }
    }

    /// Every label there is.
    pub(crate) const LABELS: [&'static str; 8] = [
        "disconnected",
        "peer_left",
        "stopped",
        "watchdog",
        "framing",
        "slow_message",
        "slow_reader",
        "superseded",
    ];

    /// The `reason` label of the metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::PeerLeft(_) => "peer_left",
            Self::Stopped => "stopped",
            Self::Watchdog => "watchdog",
            Self::Framing => "framing",
            Self::SlowMessage => "slow_message",
            Self::SlowReader => "slow_reader",
            Self::Superseded => "superseded",
        }
    }

    /// Whether Disconnect-Peer was played, so that the next connection starts without a penalty.
    pub(super) const fn in_order(self) -> bool {
        matches!(self, Self::PeerLeft(_) | Self::Stopped)
    }
}

/// How far an open connection is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// Asked to stop. Not read; pending requests are answered before the DPR goes out.
    Draining,
    /// DPR sent or answered. What is on its way is still served.
    Closing(CloseReason),
    /// The DPA came, or message boundaries were lost. Not read; requests that wait have a last chance to be answered.
    LastAnswers(CloseReason),
    /// Not read; ends when everything is written.
    Flushing(CloseReason),
}

impl Phase {
    pub(super) const fn reads(self) -> bool {
        matches!(self, Self::Open | Self::Closing(_))
    }
}
