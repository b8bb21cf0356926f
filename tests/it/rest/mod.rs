//! The CAMARA API of the real binary, asked over HTTP as its clients ask it.

mod addresses;
mod c01;
mod camara;
mod client;
mod consistency;
mod edge;
mod forged;
mod http;
mod keys;
mod lab;
mod orange;
mod queried;
mod schemathesis;
mod table;
mod tls;
mod tokens;
mod validated;
