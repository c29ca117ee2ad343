//! A [`Registry`](crate::server::registry::Registry) in Consul: the key `NAME/leader`, as rqlite has it, over
//! Consul's HTTP API (`/v1/kv/...`).

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::client::{self, Answer, Endpoint, Request, percent_encode};
use crate::tls::{Connector, KeyPair, Named, Trust};

const PORT: u16 = 8500;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Consul {
    /// `host:port`.
    address: String,
    /// `None`: HTTP without encryption.
    tls: Option<Tls>,
    key: String,
    /// What follows the key's name in each request: which datacenter, namespace and partition.
    place: String,
    /// `user:password`, for what may stand in front of Consul.
    user: Option<String>,
    token: Token,
}

/// What Consul's own access control asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    None,
    Text(String),
    /// Read each time, as what renews tokens writes it anew.
    File(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Tls {
    own: Option<KeyPair>,
    signers: Option<Named>,
    anyone: bool,
    server_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    address: String,
    scheme: String,
    datacenter: String,
    basic_auth: Option<WrittenUser>,
    token: String,
    token_file: String,
    namespace: String,
    partition: String,
    tls_config: WrittenTls,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            address: "localhost".to_owned(),
            scheme: "http".to_owned(),
            datacenter: String::new(),
            basic_auth: None,
            token: String::new(),
            token_file: String::new(),
            namespace: String::new(),
            partition: String::new(),
            tls_config: WrittenTls::default(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenUser {
    username: String,
    #[serde(default)]
    password: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct WrittenTls {
    /// Whose name the server's certificate has; a port behind it is left out.
    address: String,
    ca_file: String,
    cert_file: String,
    key_file: String,
    insecure_skip_verify: bool,
}

impl Consul {
    /// Reads `-disco-config`.
    ///
    /// # Errors
    /// A text for the operator.
    pub(super) fn parse(name: &str, config: Json) -> Result<Self, String> {
        Self::of(name, config).map_err(|why| format!("-disco-config: {why}"))
    }

    fn of(name: &str, config: Json) -> Result<Self, String> {
        let written: Written = serde_json::from_value(config).map_err(|error| error.to_string())?;
        let encrypted = match written.scheme.as_str() {
            "http" => false,
            "https" => true,
            other => return Err(format!("scheme: '{other}' is neither 'http' nor 'https'")),
        };
        let (address, encrypted) = client::address(&written.address, PORT, encrypted)
            .map_err(|why| format!("address: {why}"))?;
        let token = match (written.token, written.token_file) {
            (_, file) if !file.is_empty() => Token::File(PathBuf::from(file)),
            (token, _) if !token.is_empty() => Token::Text(token),
            _ => Token::None,
        };
        let consul = Self {
            address,
            tls: encrypted.then(|| written.tls_config.read()).transpose()?,
            // Consul's keys begin without a slash.
            key: format!("{}/leader", name.trim_start_matches('/')),
            place: [
                ("dc", written.datacenter),
                ("ns", written.namespace),
                ("partition", written.partition),
            ]
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("&{name}={}", percent_encode(value)))
            .collect(),
            user: written.basic_auth.map(|user| format!("{}:{}", user.username, user.password)),
            token,
        };
        // What can't be read is told at the start.
        consul.endpoint()?;
        consul.token()?;
        Ok(consul)
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
        // Not what a server that has lost its leader remembers.
        let answer = self.ask("GET", "consistent", "").await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found: Json = serde_json::from_slice(&self.good(answer)?.body)
            .map_err(|_| format!("{} does not answer in JSON: is it Consul?", self.address))?;
        // A value of nothing is null.
        let value = found[0]["Value"].as_str().unwrap_or_default();
        BASE64.decode(value).map(Some).map_err(|error| error.to_string())
    }

    /// Writes the key if there is none. Whether this was the one that did.
    pub(super) async fn create(&self, value: &[u8]) -> Result<bool, String> {
        self.put("cas=0", value).await
    }

    /// Writes the key, whatever it holds.
    pub(super) async fn write(&self, value: &[u8]) -> Result<(), String> {
        if self.put("", value).await? {
            return Ok(());
        }
        Err(format!("Consul at {} has not written the key {}", self.address, self.key))
    }

    async fn put(&self, condition: &str, value: &[u8]) -> Result<bool, String> {
        let answer = self.ask("PUT", condition, &String::from_utf8_lossy(value)).await?;
        Ok(self.good(answer)?.text() == "true")
    }

    async fn ask(
        &self,
        method: &'static str,
        condition: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let headers = self.token()?.map(|token| ("x-consul-token".to_owned(), token));
        let request = Request {
            method,
            path: self.path(condition),
            body: body.to_owned(),
            user: self.user.clone(),
            headers: headers.into_iter().collect(),
        };
        let answer = client::send(&self.endpoint()?, request, TIMEOUT).await;
        answer.map_err(|error| format!("Consul: {error}"))
    }

    fn path(&self, condition: &str) -> String {
        let key: Vec<_> = self.key.split('/').map(percent_encode).collect();
        format!("/v1/kv/{}?{condition}{}", key.join("/"), self.place)
    }

    fn endpoint(&self) -> Result<Endpoint, String> {
        let tls = self.tls.as_ref().map(Tls::connector).transpose()?;
        Ok(Endpoint { address: self.address.clone(), tls })
    }

    fn token(&self) -> Result<Option<String>, String> {
        match &self.token {
            Token::None => Ok(None),
            Token::Text(token) => Ok(Some(token.clone())),
            Token::File(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.map_err(|why| format!("token_file {}: {why}", path.display()))?;
                Ok(Some(text.trim().to_owned()))
            }
        }
    }

    fn good(&self, answer: Answer) -> Result<Answer, String> {
        if answer.is_success() {
            return Ok(answer);
        }
        Err(format!("Consul at {} answers {}: {}", self.address, answer.status, answer.text()))
    }
}

impl WrittenTls {
    fn read(self) -> Result<Tls, String> {
        let named = |flag, path: String| Named { flag, path: PathBuf::from(path) };
        let own = match (self.cert_file.is_empty(), self.key_file.is_empty()) {
            (true, true) => None,
            (false, false) => Some(KeyPair {
                cert: named("tls_config.cert_file", self.cert_file),
                key: named("tls_config.key_file", self.key_file),
            }),
            _ => return Err("tls_config: cert_file and key_file belong together".to_owned()),
        };
        let signers = (!self.ca_file.is_empty()).then(|| named("tls_config.ca_file", self.ca_file));
        let server_name = match self.address.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => self.address,
        };
        let server_name = (!server_name.is_empty()).then_some(server_name);
        Ok(Tls { own, signers, anyone: self.insecure_skip_verify, server_name })
    }
}

impl Tls {
    fn connector(&self) -> Result<Connector, String> {
        let trust = match (&self.signers, self.anyone) {
            (_, true) => Trust::Anyone,
            (Some(signers), false) => Trust::File(signers.clone()),
            (None, false) => Trust::System,
        };
        Connector::new(self.own.clone(), trust, self.server_name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> Result<Consul, String> {
        Consul::parse(name, serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_configuration_is_rqlites() {
        let consul = parse("app", "{}").unwrap();
        assert_eq!((consul.address.as_str(), consul.key()), ("localhost:8500", "app/leader"));
        assert_eq!(
            (consul.tls.is_none(), &consul.user, &consul.token),
            (true, &None, &Token::None)
        );
        assert_eq!(consul.path("cas=0"), "/v1/kv/app/leader?cas=0");
        let consul = parse(
            "/my app",
            r#"{"address":"c:1","scheme":"https","datacenter":"d&","namespace":"n","partition":"p",
                "basic_auth":{"username":"u","password":"w"},"token":"t",
                "tls_config":{"address":"c.example:8501","insecure_skip_verify":true}}"#,
        )
        .unwrap();
        assert_eq!(
            consul.path("consistent"),
            "/v1/kv/my%20app/leader?consistent&dc=d%26&ns=n&partition=p"
        );
        assert_eq!((consul.address.as_str(), consul.user.as_deref()), ("c:1", Some("u:w")));
        assert_eq!(consul.token().unwrap().as_deref(), Some("t"));
        let tls = consul.tls.unwrap();
        assert_eq!((tls.server_name.as_deref(), tls.anyone), (Some("c.example"), true));
    }

    #[test]
    fn mistakes_are_told_at_the_start() {
        for (text, part) in [
            (r#"{"adress":"c"}"#, "adress"),
            (r#"{"address":"a b"}"#, "address: "),
            (r#"{"scheme":"unix"}"#, "scheme: 'unix'"),
            (r#"{"token_file":"/not/there"}"#, "token_file /not/there: "),
            (r#"{"scheme":"https","tls_config":{"cert_file":"c"}}"#, "belong together"),
            (r#"{"scheme":"https","tls_config":{"ca_file":"/not/there"}}"#, "tls_config.ca_file"),
            (r#"{"scheme":"https","tls_config":{"ca_path":"/etc/ssl"}}"#, "ca_path"),
        ] {
            let error = parse("app", text).unwrap_err();
            assert!(
                error.starts_with("-disco-config: ") && error.contains(part),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_token_is_read_anew_from_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::fs::write(&file, "one\n").unwrap();
        let consul = parse("app", &format!(r#"{{"token_file":"{}"}}"#, file.display())).unwrap();
        assert_eq!(consul.token().unwrap().as_deref(), Some("one"));
        std::fs::write(&file, "two").unwrap();
        assert_eq!(consul.token().unwrap().as_deref(), Some("two"));
    }
}
