//! An HTTP client by hand, so that requests can be wrong in any way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use reachd::rest::Contract;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No answer takes this long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request that can still be changed.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    method: &'static str,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Ask {
    /// The ordinary question of a contract, with this body.
    pub(super) fn about(contract: Contract, body: &Value) -> Self {
        Self {
            method: "POST",
            target: contract.retrieve().to_owned(),
            headers: vec![
                ("Host".into(), "reachd.example".into()),
                ("Content-Type".into(), "application/json".into()),
            ],
            body: Some(body.to_string()),
        }
    }

    pub(super) fn get(target: &str) -> Self {
        Self {
            method: "GET",
            target: target.to_owned(),
            headers: vec![("Host".into(), "reachd.example".into())],
            body: None,
        }
    }

    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Sets a header, in place of one of that name.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.with("Authorization", &format!("Bearer {token}"))
    }

    pub(super) fn body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Neither a body nor a word about its length.
    pub(super) fn bare(mut self) -> Self {
        self.body = None;
        self
    }

    /// As it goes out.
    pub(super) fn octets(&self, close: bool) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if close {
            text += "Connection: close\r\n";
        }
        let told = self
            .headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if let Some(body) = &self.body
            && !told
        {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        text += self.body.as_deref().unwrap_or_default();
        text.into_bytes()
    }

    /// Sends it on a connection of its own.
    pub(super) async fn send(&self, to: SocketAddr) -> Reply {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(&self.octets(true)).await.unwrap();
        Reply::read_to_end(&mut stream).await
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// By lower-case name.
    pub(super) headers: HashMap<String, String>,
    pub(super) text: String,
}

impl Reply {
    /// The one response until the connection ends.
    pub(super) async fn read_to_end(stream: &mut TcpStream) -> Self {
        let mut octets = Vec::new();
        // A server that has said its last word may cut the line behind it.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut octets))
            .await
            .expect("an answer in time");
        Self::parse(&octets)
    }

    pub(super) fn parse(octets: &[u8]) -> Self {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no response: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self {
            status,
            headers,
            text: body.to_owned(),
        }
    }

    pub(super) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Fails unless it is an answer.
    #[track_caller]
    pub(super) fn fine(&self) -> Value {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.headers.contains_key("x-correlator"), "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
        self.json()
    }

    /// Fails unless it is CAMARA's error of that code.
    #[track_caller]
    pub(super) fn failed(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, &body["code"]), (status, &json!(code)), "{self:?}");
        assert_eq!(body["status"], status, "{self:?}");
        assert!(!body["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert!(self.headers.contains_key("x-correlator"), "{self:?}");
    }

    /// Fails unless it is v0's error of that number.
    #[track_caller]
    pub(super) fn failed_as(&self, status: u16, number: u16) {
        let body = self.json();
        assert_eq!((self.status, &body["code"]), (status, &json!(number)), "{self:?}");
        assert!(!body["message"].as_str().unwrap().is_empty(), "{self:?}");
        assert!(!body["description"].as_str().unwrap().is_empty(), "{self:?}");
        assert!(self.headers.contains_key("x-correlator"), "{self:?}");
    }
}

/// A body that names a device by its number.
pub(super) fn by_number(number: &str) -> Value {
    json!({"device": {"phoneNumber": number}})
}
