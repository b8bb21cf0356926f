//! Stored values to domain values, for both engines. What reachd would not have written is an error that names its
//! column and never its value.

use crate::domain::{
    ExternalIdentifier, Facts, FeedId, Gateway, Identifier, IpFacts, Msisdn, Node, Report, SessionAddress,
    Slot, Source, SubscriberId, Timestamp,
};

use super::{BindingRow, GatewayRestartRow, IpSessionRow, RegistrationRow, StoreError};

/// Column `kind` of table `identifier`. Part of the store's format: never change one.
const KIND_MSISDN: i16 = 2;
const KIND_EXTERNAL: i16 = 3;

/// Every column of table `registration`, in the order of [`StoredRegistration::COLUMNS`].
#[derive(Clone, Copy, Debug)]
pub(super) struct StoredRegistration<'a> {
    pub(super) subscriber_id: i64,
    pub(super) slot: i16,
    pub(super) node: &'a str,
    pub(super) registered_at: Option<i64>,
    pub(super) deregistered_at: Option<i64>,
    pub(super) reachable_at: Option<i64>,
    pub(super) reachable_until: Option<i64>,
    pub(super) unreachable_at: Option<i64>,
    pub(super) unreachable_until: Option<i64>,
    pub(super) cleared_at: Option<i64>,
    pub(super) ended_other_at: Option<i64>,
    pub(super) ended_amf_at: Option<i64>,
    pub(super) received_at: i64,
    pub(super) feed: i16,
    pub(super) delay: i32,
}

impl StoredRegistration<'_> {
    /// The column of each field.
    pub(super) const COLUMNS: [&'static str; 15] = [
        "subscriber_id",
        "slot",
        "node",
        "registered_at",
        "deregistered_at",
        "reachable_at",
        "reachable_until",
        "unreachable_at",
        "unreachable_until",
        "cleared_at",
        "ended_other_at",
        "ended_amf_at",
        "received_at",
        "feed",
        "delay",
    ];

    /// An error about a column of this table.
    pub(super) fn wrong(column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: "registration",
            column,
        }
    }

    /// The domain's row.
    pub(super) fn read(self) -> Result<RegistrationRow, StoreError> {
        let time = |column, micros: Option<i64>| match micros {
            None => Ok(None),
            Some(micros) => Timestamp::from_micros(micros)
                .map(Some)
                .ok_or_else(|| Self::wrong(column)),
        };
        let report = |column, at, until| match (time(column, at)?, time(column, until)?) {
            (Some(at), Some(until)) => Ok(Some(Report { at, until })),
            (None, None) => Ok(None),
            _ => Err(Self::wrong(column)),
        };
        let node = match self.node {
            "" => None,
            name => Some(Node::parse(name).map_err(|_| Self::wrong("node"))?),
        };
        Ok(RegistrationRow {
            subscriber: SubscriberId::from_i64(self.subscriber_id)
                .ok_or_else(|| Self::wrong("subscriber_id"))?,
            slot: u8::try_from(self.slot)
                .ok()
                .and_then(Slot::from_number)
                .ok_or_else(|| Self::wrong("slot"))?,
            node,
            facts: Facts {
                registered_at: time("registered_at", self.registered_at)?,
                deregistered_at: time("deregistered_at", self.deregistered_at)?,
                reachable: report("reachable_at", self.reachable_at, self.reachable_until)?,
                unreachable: report("unreachable_at", self.unreachable_at, self.unreachable_until)?,
                cleared_at: time("cleared_at", self.cleared_at)?,
                ended_other_at: time("ended_other_at", self.ended_other_at)?,
                ended_amf_at: time("ended_amf_at", self.ended_amf_at)?,
                source: Source {
                    feed: FeedId::from_number(self.feed).ok_or_else(|| Self::wrong("feed"))?,
                    delay: self.delay,
                },
            },
            received_at: Timestamp::from_micros(self.received_at)
                .ok_or_else(|| Self::wrong("received_at"))?,
        })
    }
}

impl<'a> From<&'a RegistrationRow> for StoredRegistration<'a> {
    fn from(row: &'a RegistrationRow) -> Self {
        let time = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
        let at = |report: Option<Report>| report.map(|report| report.at.as_micros());
        let until = |report: Option<Report>| report.map(|report| report.until.as_micros());
        let Facts {
            registered_at,
            deregistered_at,
            reachable,
            unreachable,
            cleared_at,
            ended_other_at,
            ended_amf_at,
            source: Source { feed, delay },
        } = row.facts;
        Self {
            subscriber_id: row.subscriber.as_i64(),
            slot: row.slot.number().into(),
            node: row.node.as_ref().map_or("", Node::as_str),
            registered_at: time(registered_at),
            deregistered_at: time(deregistered_at),
            reachable_at: at(reachable),
            reachable_until: until(reachable),
            unreachable_at: at(unreachable),
            unreachable_until: until(unreachable),
            cleared_at: time(cleared_at),
            ended_other_at: time(ended_other_at),
            ended_amf_at: time(ended_amf_at),
            received_at: row.received_at.as_micros(),
            feed: feed.number(),
            delay,
        }
    }
}

/// Every column of table `identifier`, in the order of [`StoredBinding::COLUMNS`].
#[derive(Clone, Debug)]
pub(super) struct StoredBinding<V> {
    pub(super) subscriber_id: i64,
    pub(super) identifier_id: i64,
    pub(super) kind: i16,
    pub(super) value: V,
    pub(super) bound_at: i64,
}

impl StoredBinding<&str> {
    /// The domain's row.
    pub(super) fn read(self) -> Result<BindingRow, StoreError> {
        let identifier = match self.kind {
            KIND_MSISDN => Msisdn::parse(self.value).map(Identifier::Msisdn),
            KIND_EXTERNAL => ExternalIdentifier::parse(self.value).map(Identifier::External),
            _ => return Err(Self::wrong("kind")),
        }
        .map_err(|_| Self::wrong("value"))?;
        if identifier.subscriber().as_i64() != self.identifier_id {
            return Err(Self::wrong("identifier_id"));
        }
        Ok(BindingRow {
            identifier,
            subscriber: SubscriberId::from_i64(self.subscriber_id)
                .ok_or_else(|| Self::wrong("subscriber_id"))?,
            bound_at: Timestamp::from_micros(self.bound_at).ok_or_else(|| Self::wrong("bound_at"))?,
        })
    }
}

impl<V> StoredBinding<V> {
    /// The column of each field.
    pub(super) const COLUMNS: [&'static str; 5] =
        ["subscriber_id", "identifier_id", "kind", "value", "bound_at"];

    /// An error about a column of this table.
    pub(super) fn wrong(column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: "identifier",
            column,
        }
    }
}

impl StoredBinding<String> {
    /// `None` for an IMSI: it is the subscriber, and nothing binds it.
    pub(super) fn of(row: &BindingRow) -> Option<Self> {
        let (kind, value) = match &row.identifier {
            Identifier::Imsi(_) => return None,
            Identifier::Msisdn(msisdn) => (KIND_MSISDN, msisdn.digits()),
            Identifier::External(external) => (KIND_EXTERNAL, external.text().to_owned()),
        };
        Some(Self {
            subscriber_id: row.subscriber.as_i64(),
            identifier_id: row.identifier.subscriber().as_i64(),
            kind,
            value,
            bound_at: row.bound_at.as_micros(),
        })
    }
}

/// Every column of table `ip_session`, in their order.
#[derive(Clone, Debug)]
pub(super) struct StoredIpSession<'a, P> {
    pub(super) subscriber_id: i64,
    pub(super) session: &'a str,
    pub(super) prefix: P,
    pub(super) started_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
}

impl<'a> From<&'a IpSessionRow> for StoredIpSession<'a, String> {
    fn from(row: &'a IpSessionRow) -> Self {
        let time = |time: Option<Timestamp>| time.map(Timestamp::as_micros);
        Self {
            subscriber_id: row.subscriber.as_i64(),
            session: row.session.as_str(),
            prefix: row.address.as_ref().map(SessionAddress::text).unwrap_or_default(),
            started_at: time(row.facts.started_at),
            ended_at: time(row.facts.ended_at),
        }
    }
}

impl<P> StoredIpSession<'_, P> {
    /// An error about a column of this table.
    pub(super) fn wrong(column: &'static str) -> StoreError {
        StoreError::Inconsistent {
            table: "ip_session",
            column,
        }
    }
}

impl StoredIpSession<'_, &str> {
    /// The domain's row.
    pub(super) fn read(self) -> Result<IpSessionRow, StoreError> {
        let time = |column, micros: Option<i64>| match micros {
            None => Ok(None),
            Some(micros) => Timestamp::from_micros(micros)
                .map(Some)
                .ok_or_else(|| Self::wrong(column)),
        };
        let address = match self.prefix {
            "" => None,
            text => Some(SessionAddress::parse(text).ok_or_else(|| Self::wrong("prefix"))?),
        };
        Ok(IpSessionRow {
            subscriber: SubscriberId::from_i64(self.subscriber_id)
                .ok_or_else(|| Self::wrong("subscriber_id"))?,
            session: Node::parse(self.session).map_err(|_| Self::wrong("session"))?,
            address,
            facts: IpFacts {
                started_at: time("started_at", self.started_at)?,
                ended_at: time("ended_at", self.ended_at)?,
            },
        })
    }
}

/// A row of table `gateway_restart`.
pub(super) fn gateway_restart(gateway: &str, restarted_at: i64) -> Result<GatewayRestartRow, StoreError> {
    let wrong = |column| StoreError::Inconsistent {
        table: "gateway_restart",
        column,
    };
    Ok(GatewayRestartRow {
        gateway: Gateway::parse(gateway).map_err(|_| wrong("gateway"))?,
        restarted_at: Timestamp::from_micros(restarted_at).ok_or_else(|| wrong("restarted_at"))?,
    })
}
