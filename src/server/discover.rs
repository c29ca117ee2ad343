//! Learns the Raft addresses of a cluster from one of its HTTP listeners.

use std::time::Duration;

use serde_json::Value;

use crate::client::{self, Endpoint, Request};

const TIMEOUT: Duration = Duration::from_secs(10);

/// `GET /nodes?nonvoters&ver=2`: every node's `addr`.
///
/// # Errors
/// A text that names the address.
pub(super) async fn raft_addresses(node: &Endpoint) -> Result<Vec<String>, String> {
    let scheme = if node.tls.is_some() { "https" } else { "http" };
    let url = format!("{scheme}://{}", node.address);
    let request = Request::get("/nodes?nonvoters&ver=2");
    let answer = client::send(node, request, TIMEOUT).await.map_err(|error| error.to_string())?;
    if !answer.is_success() {
        return Err(format!("{url} answers {}: {}", answer.status, answer.text()));
    }
    let nodes: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| format!("{url} does not answer in JSON: is it a node's HTTP address?"))?;
    let list = nodes["nodes"].as_array();
    let list = list.ok_or_else(|| format!("{url} answers without a list of nodes"))?;
    Ok(list.iter().filter_map(|node| node["addr"].as_str()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn answered(answer: &'static str) -> Result<Vec<String>, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let node = Endpoint::plain(&address);
        let serve = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = socket.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /nodes?nonvoters&ver=2 HTTP/1.1\r\n"));
            socket.write_all(answer.as_bytes()).await.unwrap();
            socket.shutdown().await.unwrap();
        };
        tokio::join!(raft_addresses(&node), serve).0
    }

    #[tokio::test]
    async fn raft_addresses_come_from_the_node_list() {
        let list = answered(
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\
             {\"nodes\":[{\"id\":\"1\",\"addr\":\"a:4002\"},{\"id\":\"2\",\"addr\":\"b:4002\"}]}",
        );
        assert_eq!(list.await.unwrap(), ["a:4002", "b:4002"]);
    }

    #[tokio::test]
    async fn other_answers_are_explained() {
        let error = answered("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
        assert!(error.contains("503"), "{error}");
        let error = answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await.unwrap_err();
        assert!(error.contains("not answer in JSON"), "{error}");
    }
}
