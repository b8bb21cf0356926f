//! CAMARA Device Reachability Status over HTTP, in the three versions that are in use (`docs/adr/0018-…`).
//!
//! A request's way: [`server`] bounds the connection, [`handler`] refuses what no contract takes, [`auth`] says who asks,
//! [`limits`] how often, [`request`] reads the body, [`device`] says whom it is about, `northbound` answers, and [`answer`]
//! puts that into the words of the [`contract`]. Whatever is wrong is one [`cause::Cause`], and [`cause`] is the one table
//! of what each contract says to it. Nothing here knows another way to an answer than gRPC has.

pub mod answer;
pub mod auth;
pub mod cause;
pub mod config;
pub mod contract;
mod correlator;
pub mod device;
mod guard;
pub mod handler;
mod head;
pub mod limits;
pub mod metrics;
pub mod problem;
pub mod request;
pub mod server;

pub use cause::Cause;
pub use config::RestConfig;
pub use contract::Contract;
pub use handler::Rest;
pub use problem::Problem;
pub use server::RestServer;
