//! Metrics of the CAMARA API. All handles are made once; what can be expected is there at zero.

use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

use super::cause::Cause;
use super::contract::Contract;

/// Requests answered, by contract, status and cause.
pub const REQUESTS: &str = "reachd_rest_requests_total";
/// From a request's head to its response, in seconds, by contract.
pub const REQUEST_SECONDS: &str = "reachd_rest_request_seconds";
/// Connections that are open.
pub const CONNECTIONS: &str = "reachd_rest_connections";
/// Connections that came, by what became of them.
pub const ACCEPTED: &str = "reachd_rest_connections_accepted_total";
/// Connections cut because a client was too slow, by what it was slow with.
pub const CUT: &str = "reachd_rest_connections_cut_total";
/// Times that keys were asked for, by outcome.
pub const KEY_RELOADS: &str = "reachd_rest_key_reloads_total";
/// Times that the certificate files were read again, by outcome.
pub const CERTIFICATE_RELOADS: &str = "reachd_rest_certificate_reloads_total";
/// When the certificate in use ends, in seconds since 1970.
pub const CERTIFICATE_EXPIRY: &str = "reachd_rest_certificate_expiry_timestamp_seconds";

/// Bucket bounds of [`REQUEST_SECONDS`]: answers from memory take fractions of a millisecond, slow bodies seconds.
pub const REQUEST_BUCKETS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 10.0,
];

/// What a client can be too slow with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slow {
    /// Its next request.
    Idle,
    /// The head of a request.
    Head,
    /// Reading a response.
    Reading,
}

impl Slow {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Idle, "idle"),
        (Self::Head, "head"),
        (Self::Reading, "reading"),
    ];
}

/// What becomes of a connection that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It is served.
    Served,
    /// There were too many.
    TooMany,
    /// Its TLS handshake failed.
    Handshake,
}

impl Came {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Served, "served"),
        (Self::TooMany, "too_many"),
        (Self::Handshake, "tls"),
    ];
}

/// Handles of everything but keys.
#[derive(Debug)]
pub struct RestMetrics {
    contracts: Vec<ContractMetrics>,
    connections: Gauge,
    came: [Counter; 3],
    cut: [Counter; 3],
}

#[derive(Debug)]
struct ContractMetrics {
    contract: Contract,
    fine: Counter,
    failed: Vec<(Cause, Counter)>,
    seconds: Histogram,
}

impl RestMetrics {
    /// Registers everything with the recorder.
    pub fn new() -> Self {
        describe_counter!(
            REQUESTS,
            Unit::Count,
            "CAMARA requests answered, by contract, status and cause"
        );
        describe_histogram!(
            REQUEST_SECONDS,
            Unit::Seconds,
            "Time from a CAMARA request's head to its response"
        );
        describe_gauge!(CONNECTIONS, "Open connections of CAMARA clients");
        describe_counter!(
            ACCEPTED,
            Unit::Count,
            "Connections of CAMARA clients, by what became of them"
        );
        describe_counter!(
            CUT,
            Unit::Count,
            "Connections cut because the client was too slow"
        );
        Self {
            contracts: Contract::ALL.into_iter().map(ContractMetrics::new).collect(),
            connections: gauge!(CONNECTIONS),
            came: Came::ALL.map(|(_, outcome)| counter!(ACCEPTED, "outcome" => outcome)),
            cut: Slow::ALL.map(|(_, with)| counter!(CUT, "slow_with" => with)),
        }
    }

    /// A request was answered; `cause` if not with what it asked for.
    pub fn answered(&self, contract: Contract, cause: Option<Cause>, took: Duration) {
        let Some(of) = self.contracts.iter().find(|of| of.contract == contract) else {
            return;
        };
        of.seconds.record(took);
        match cause {
            None => of.fine.increment(1),
            // In the order of the causes' declaration.
            Some(cause) => {
                if let Some((_, counter)) = of.failed.get(cause as usize) {
                    counter.increment(1);
                }
            }
        }
    }

    /// A connection came.
    pub fn came(&self, came: Came) {
        if let Some(counter) = self.came.get(came as usize) {
            counter.increment(1);
        }
    }

    /// A client was too slow.
    pub fn cut(&self, slow: Slow) {
        if let Some(counter) = self.cut.get(slow as usize) {
            counter.increment(1);
        }
    }

    /// A connection is open until the result is dropped.
    pub fn open(&self) -> Open {
        self.connections.increment(1.0);
        Open(self.connections.clone())
    }
}

impl Default for RestMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl ContractMetrics {
    fn new(contract: Contract) -> Self {
        let name = contract.name();
        let failed = Cause::ALL
            .into_iter()
            .map(|cause| {
                let status = cause.told(contract).status.as_str().to_owned();
                let labels = [
                    ("contract", name.to_owned()),
                    ("status", status),
                    ("cause", cause.name().to_owned()),
                ];
                (cause, counter!(REQUESTS, &labels))
            })
            .collect();
        Self {
            contract,
            fine: counter!(REQUESTS, "contract" => name, "status" => "200", "cause" => "none"),
            failed,
            seconds: histogram!(REQUEST_SECONDS, "contract" => name),
        }
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Open(Gauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Handles of the keys that tokens are checked with.
#[derive(Debug)]
pub struct KeyMetrics {
    fine: Counter,
    failed: Counter,
}

impl KeyMetrics {
    /// Registers everything with the recorder.
    pub fn new() -> Self {
        describe_counter!(
            KEY_RELOADS,
            Unit::Count,
            "Times that the keys of access tokens were read again, by outcome"
        );
        Self {
            fine: counter!(KEY_RELOADS, "outcome" => "success"),
            failed: counter!(KEY_RELOADS, "outcome" => "failure"),
        }
    }

    /// Keys were asked for.
    pub fn reloaded(&self, fine: bool) {
        if fine { &self.fine } else { &self.failed }.increment(1);
    }
}

impl Default for KeyMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Handles of the certificate that is shown to clients.
#[derive(Debug)]
pub struct CertificateMetrics {
    fine: Counter,
    failed: Counter,
}

impl CertificateMetrics {
    /// Registers everything with the recorder.
    pub fn new() -> Self {
        describe_counter!(
            CERTIFICATE_RELOADS,
            Unit::Count,
            "Times that the certificate files of the CAMARA API were read again, by outcome"
        );
        describe_gauge!(
            CERTIFICATE_EXPIRY,
            Unit::Seconds,
            "When the certificate of the CAMARA API ends, in seconds since 1970"
        );
        Self {
            fine: counter!(CERTIFICATE_RELOADS, "outcome" => "success"),
            failed: counter!(CERTIFICATE_RELOADS, "outcome" => "failure"),
        }
    }

    /// The certificate in use ends at that time since 1970.
    pub fn ends(&self, at: Duration) {
        gauge!(CERTIFICATE_EXPIRY).set(at.as_secs_f64());
    }

    /// The files were read again.
    pub fn reloaded(&self, fine: bool) {
        if fine { &self.fine } else { &self.failed }.increment(1);
    }
}

impl Default for CertificateMetrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_the_lists_are_those_of_the_declarations() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place, "{cause:?}");
        }
        for (place, (slow, _)) in Slow::ALL.into_iter().enumerate() {
            assert_eq!(slow as usize, place);
        }
        for (place, (came, _)) in Came::ALL.into_iter().enumerate() {
            assert_eq!(came as usize, place);
        }
    }
}
