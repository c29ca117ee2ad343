//! A [`Registry`](crate::server::registry::Registry) in etcd: the key `/NAME/leader`, as rqlite has it. Spoken is
//! etcd's JSON over HTTP (`/v3/kv/...`).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::client::{self, Endpoint, Request};
use crate::tls::{Connector, Trust};

const PORT: u16 = 2379;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Etcd {
    /// `host:port`, and whether by TLS.
    servers: Vec<(String, bool)>,
    key: String,
    user: Option<(String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
}

impl Etcd {
    /// Reads `-disco-config`.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn parse(name: &str, config: Json) -> Result<Self, String> {
        let written: Written =
            serde_json::from_value(config).map_err(|error| format!("-disco-config: {error}"))?;
        let Written { endpoints, username, password } = written;
        let endpoints =
            if endpoints.is_empty() { vec![format!("localhost:{PORT}")] } else { endpoints };
        let server = |endpoint: &String| client::address(endpoint, PORT, false);
        let servers: Result<Vec<_>, _> = endpoints.iter().map(server).collect();
        let servers = servers.map_err(|why| format!("-disco-config: endpoints: {why}"))?;
        let user = (!username.is_empty()).then_some((username, password));
        Ok(Self { servers, key: format!("/{name}/leader"), user })
    }

    /// What an operator can look at.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// What the key holds.
    ///
    /// # Errors
    /// A text for the operator; so with the others.
    pub(super) async fn read(&self) -> Result<Option<Vec<u8>>, String> {
        let found = self.ask("/v3/kv/range", &json!({ "key": self.packed_key() })).await?;
        let Some(value) = found["kvs"][0]["value"].as_str() else { return Ok(None) };
        BASE64.decode(value).map(Some).map_err(|error| error.to_string())
    }

    /// Writes the key if there is none. Whether this was the one that did.
    pub(super) async fn create(&self, value: &[u8]) -> Result<bool, String> {
        let key = self.packed_key();
        let asked = json!({
            "compare": [{ "key": key, "target": "VERSION", "result": "EQUAL", "version": "0" }],
            "success": [{ "requestPut": { "key": key, "value": BASE64.encode(value) } }],
        });
        Ok(self.ask("/v3/kv/txn", &asked).await?["succeeded"] == json!(true))
    }

    /// Writes the key, whatever it holds.
    pub(super) async fn write(&self, value: &[u8]) -> Result<(), String> {
        let asked = json!({ "key": self.packed_key(), "value": BASE64.encode(value) });
        self.ask("/v3/kv/put", &asked).await.map(drop)
    }

    fn packed_key(&self) -> String {
        BASE64.encode(&self.key)
    }

    /// Asks one server after the other until one answers.
    async fn ask(&self, path: &'static str, body: &Json) -> Result<Json, String> {
        let mut last = String::new();
        for (address, encrypted) in &self.servers {
            match self.ask_one(address, *encrypted, path, body).await {
                Ok(answer) => return Ok(answer),
                Err(why) => last = why,
            }
        }
        Err(format!("etcd: {last}"))
    }

    async fn ask_one(
        &self,
        address: &str,
        encrypted: bool,
        path: &'static str,
        body: &Json,
    ) -> Result<Json, String> {
        let tls = encrypted.then(|| Connector::new(None, Trust::System, None)).transpose()?;
        let endpoint = Endpoint { address: address.to_owned(), tls };
        let mut request = Request::post(path, body.to_string());
        if let Some((name, password)) = &self.user {
            let login = json!({ "name": name, "password": password }).to_string();
            let told = answer(&endpoint, Request::post("/v3/auth/authenticate", login)).await?;
            let token = told["token"].as_str().unwrap_or_default().to_owned();
            request.headers.push(("authorization".to_owned(), token));
        }
        answer(&endpoint, request).await
    }
}

async fn answer(endpoint: &Endpoint, request: Request) -> Result<Json, String> {
    let answer = client::send(endpoint, request, TIMEOUT).await.map_err(|e| e.to_string())?;
    let address = &endpoint.address;
    if !answer.is_success() {
        return Err(format!("{address} answers {}: {}", answer.status, answer.text()));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| format!("{address} does not answer in JSON: is it etcd?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_is_rqlites() {
        let parse = |text: &str| Etcd::parse("app", serde_json::from_str(text).unwrap());
        let etcd = parse("{}").unwrap();
        assert_eq!(etcd.servers, [("localhost:2379".to_owned(), false)]);
        assert_eq!((etcd.key(), &etcd.user), ("/app/leader", &None));
        let etcd =
            parse(r#"{"endpoints":["https://a:1","b"],"username":"u","password":"p"}"#).unwrap();
        assert_eq!(etcd.servers, [("a:1".to_owned(), true), ("b:2379".to_owned(), false)]);
        assert_eq!(etcd.user, Some(("u".to_owned(), "p".to_owned())));
        assert!(parse(r#"{"dial-timeout":1}"#).unwrap_err().contains("dial-timeout"));
        assert!(parse(r#"{"endpoints":["a b"]}"#).unwrap_err().contains("endpoints"));
    }
}
