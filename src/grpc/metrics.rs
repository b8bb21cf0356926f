//! The `grpc_server_*` metrics, named and labelled as other gRPC servers do, so that stock dashboards and alerts fit.
//!
//! A method's handles are made once, for every code, all at zero: the first failure is visible to a rate, and a call
//! costs no lookup.

use std::future::Future;
use std::time::Instant;

use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};
use tonic::{Code, Status};

/// Calls begun, by service, method and type.
pub const STARTED: &str = "grpc_server_started_total";
/// Calls ended, by service, method, type and code.
pub const HANDLED: &str = "grpc_server_handled_total";
/// How long calls took until their end, in seconds, by service, method and type.
pub const HANDLING: &str = "grpc_server_handling_seconds";

/// Label: the full name of the service, such as `reachability.v1.ReachabilityService`.
pub const LABEL_SERVICE: &str = "grpc_service";
/// Label: the method's name.
pub const LABEL_METHOD: &str = "grpc_method";
/// Label: `unary`, `client_stream` or `bidi_stream`.
pub const LABEL_TYPE: &str = "grpc_type";
/// Label: the code's name, such as `OK` or `NotFound`.
pub const LABEL_CODE: &str = "grpc_code";

/// Bucket bounds of [`HANDLING`] in seconds: fine for lookups from memory, coarse for streams, which last up to
/// hours.
pub const HANDLING_BUCKETS: [f64; 18] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0,
    10.0, 60.0, 600.0, 3600.0,
];

/// Every code with its name, in the order of the codes' numbers. The names are those of the other gRPC stacks.
pub const CODES: [(Code, &str); 17] = [
    (Code::Ok, "OK"),
    (Code::Cancelled, "Canceled"),
    (Code::Unknown, "Unknown"),
    (Code::InvalidArgument, "InvalidArgument"),
    (Code::DeadlineExceeded, "DeadlineExceeded"),
    (Code::NotFound, "NotFound"),
    (Code::AlreadyExists, "AlreadyExists"),
    (Code::PermissionDenied, "PermissionDenied"),
    (Code::ResourceExhausted, "ResourceExhausted"),
    (Code::FailedPrecondition, "FailedPrecondition"),
    (Code::Aborted, "Aborted"),
    (Code::OutOfRange, "OutOfRange"),
    (Code::Unimplemented, "Unimplemented"),
    (Code::Internal, "Internal"),
    (Code::Unavailable, "Unavailable"),
    (Code::DataLoss, "DataLoss"),
    (Code::Unauthenticated, "Unauthenticated"),
];

/// Tells the recorder what the metrics mean; telling it again changes nothing.
fn describe() {
    describe_counter!(STARTED, Unit::Count, "gRPC calls begun");
    describe_counter!(HANDLED, Unit::Count, "gRPC calls ended, by code");
    describe_histogram!(
        HANDLING,
        Unit::Seconds,
        "Time from a gRPC call's begin to its end"
    );
}

/// A method as the metrics name it.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The full name of the service.
    pub service: &'static str,
    /// The method's name.
    pub name: &'static str,
    /// The value of [`LABEL_TYPE`].
    pub kind: &'static str,
}

/// The handles of one method.
#[derive(Debug)]
pub struct MethodMetrics {
    started: Counter,
    handled: [Counter; CODES.len()],
    handling: Histogram,
}

impl MethodMetrics {
    /// Registers the method with the recorder, every code at zero.
    pub fn new(method: Method) -> Self {
        describe();
        let Method { service, name, kind } = method;
        let labels = [(LABEL_SERVICE, service), (LABEL_METHOD, name), (LABEL_TYPE, kind)];
        let handled = CODES.map(|(_, code)| {
            counter!(
                HANDLED,
                LABEL_SERVICE => service,
                LABEL_METHOD => name,
                LABEL_TYPE => kind,
                LABEL_CODE => code
            )
        });
        Self {
            started: counter!(STARTED, &labels),
            handled,
            handling: histogram!(HANDLING, &labels),
        }
    }

    /// Counts a call as begun. It is counted as ended when the returned value is, one way or the other.
    pub fn begin(&self) -> Call<'_> {
        self.started.increment(1);
        Call {
            method: self,
            begun: Instant::now(),
            ended: false,
        }
    }

    /// Runs a call that is over when its future is.
    pub async fn observe<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let observed = self.begin();
        let result = call.await;
        observed.end(result.as_ref().err().map_or(Code::Ok, Status::code));
        result
    }
}

/// A call under way. Dropped without an end, it counts as cancelled: the caller hung up.
#[derive(Debug)]
pub struct Call<'a> {
    method: &'a MethodMetrics,
    begun: Instant,
    ended: bool,
}

impl Call<'_> {
    /// The call ended with this code.
    pub fn end(mut self, code: Code) {
        self.count(code);
    }

    fn count(&mut self, code: Code) {
        self.ended = true;
        // Codes are numbered from 0 without a gap, in the order of CODES.
        if let Some(handled) = usize::try_from(i32::from(code))
            .ok()
            .and_then(|number| self.method.handled.get(number))
        {
            handled.increment(1);
        }
        self.method.handling.record(self.begun.elapsed());
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.count(Code::Cancelled);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

    use super::*;

    const METHOD: Method = Method {
        service: "test.v1.Service",
        name: "Do",
        kind: "unary",
    };

    fn line(metric: &str, code: &str, value: u64) -> String {
        format!(
            "{metric}{{{LABEL_SERVICE}=\"test.v1.Service\",{LABEL_METHOD}=\"Do\",{LABEL_TYPE}=\"unary\",\
             {LABEL_CODE}=\"{code}\"}} {value}"
        )
    }

    #[test]
    fn codes_stand_in_the_order_of_their_numbers() {
        for (number, (code, _)) in CODES.iter().enumerate() {
            assert_eq!(Code::from(i32::try_from(number).unwrap()), *code);
        }
    }

    #[tokio::test]
    async fn a_method_shows_every_code_from_the_start_and_counts_each_call_once() {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(HANDLING.to_owned()), &HANDLING_BUCKETS)
            .unwrap()
            .build_recorder();
        let method = metrics::with_local_recorder(&recorder, || MethodMetrics::new(METHOD));
        let scrape = recorder.handle().render();
        for (_, code) in CODES {
            assert!(scrape.contains(&line(HANDLED, code, 0)), "{code}: {scrape}");
        }

        let fine = method.observe(async { Ok(()) }).await;
        let missing = method.observe::<()>(async { Err(Status::not_found("x")) }).await;
        assert!(fine.is_ok() && missing.is_err());
        drop(method.begin());

        let scrape = recorder.handle().render();
        for code in ["OK", "NotFound", "Canceled"] {
            assert!(scrape.contains(&line(HANDLED, code, 1)), "{code}: {scrape}");
        }
        assert!(scrape.contains(&format!("{HANDLING}_bucket")), "{scrape}");
        for metric in [STARTED, HANDLED, HANDLING] {
            assert!(
                scrape.contains(&format!("# HELP {metric} ")),
                "{metric}: {scrape}"
            );
        }
        let count = scrape
            .lines()
            .find(|line| line.starts_with(&format!("{HANDLING}_count")))
            .unwrap();
        assert!(count.ends_with(" 3"), "{count}");
    }
}
