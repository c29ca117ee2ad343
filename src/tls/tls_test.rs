//! Handshakes over streams in memory: who is trusted, what is told, what is read again.

use std::io;
use std::path::PathBuf;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::tls::certificates::Authority;
use crate::tls::{Acceptor, Clients, Connector, KeyPair, Named, Trust, explain};

fn named(flag: &'static str, path: PathBuf) -> Named {
    Named { flag, path }
}

fn pair((cert, key): (PathBuf, PathBuf)) -> KeyPair {
    KeyPair { cert: named("cert", cert), key: named("key", key) }
}

fn trusting(authority: &Authority) -> Trust {
    Trust::File(named("ca-cert", authority.certificate()))
}

/// A handshake, and a byte each way: in TLS 1.3 a server's refusal comes after the client's part.
async fn meet(acceptor: &Acceptor, connector: &Connector, address: &str) -> [io::Result<u8>; 2] {
    let (near, far) = tokio::io::duplex(1 << 16);
    let serve = async {
        let mut stream = acceptor.accept(far).await?;
        let byte = stream.read_u8().await?;
        stream.write_u8(byte + 1).await?;
        stream.shutdown().await?;
        Ok(byte)
    };
    let dial = async {
        let mut stream = connector.connect(address, near).await?;
        stream.write_u8(7).await?;
        stream.flush().await?;
        stream.read_u8().await
    };
    let (served, dialled) = tokio::join!(serve, dial);
    [served, dialled]
}

fn refused([_, dialled]: [io::Result<u8>; 2]) -> String {
    explain(&dialled.unwrap_err())
}

#[tokio::test]
async fn certificates_say_who_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) =
        (Authority::new(directory.path(), "ours"), Authority::new(directory.path(), "theirs"));
    let own = ours.sign("node", "DNS:node.example,IP:127.0.0.1");
    let acceptor = Acceptor::new(pair(own), None).unwrap();
    let connect = |trust, name| Connector::new(None, trust, name).unwrap();

    for (trust, name, address) in [
        (trusting(&ours), None, "127.0.0.1:4002"),
        (trusting(&ours), None, "node.example:4002"),
        (trusting(&ours), Some("node.example"), "10.0.0.1:4002"),
        (Trust::Anyone, None, "[::1]:4002"),
    ] {
        let [served, dialled] = meet(&acceptor, &connect(trust, name), address).await;
        assert_eq!((served.unwrap(), dialled.unwrap()), (7, 8), "{address}");
    }
    let error = refused(meet(&acceptor, &connect(trusting(&theirs), None), "127.0.0.1:1").await);
    assert_eq!(error, "its certificate is signed by nobody who is trusted here");
    let error = refused(meet(&acceptor, &connect(trusting(&ours), None), "localhost:1").await);
    assert!(error.contains("not valid for name"), "{error}");
    let error = refused(meet(&acceptor, &connect(trusting(&ours), Some("other")), "h:1").await);
    assert!(error.contains("not valid for name"), "{error}");
    assert!(Connector::new(None, trusting(&ours), Some("a b")).is_err());
}

#[tokio::test]
async fn a_server_may_want_to_know_its_clients() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) =
        (Authority::new(directory.path(), "ours"), Authority::new(directory.path(), "theirs"));
    let own = ours.sign("node", "DNS:node");
    let clients = Some(named("ca-cert", ours.certificate()));
    let acceptor = Acceptor::new(pair(own), clients).unwrap();
    let connect = |own| Connector::new(own, trusting(&ours), None).unwrap();

    let known = connect(Some(pair(ours.sign("client", "DNS:client"))));
    let [served, dialled] = meet(&acceptor, &known, "node:1").await;
    assert_eq!((served.unwrap(), dialled.unwrap()), (7, 8));
    let error = refused(meet(&acceptor, &connect(None), "node:1").await);
    assert_eq!(error, "it lets in only who shows a certificate");
    let stranger = connect(Some(pair(theirs.sign("stranger", "DNS:client"))));
    let [served, dialled] = meet(&acceptor, &stranger, "node:1").await;
    assert!(served.is_err() && dialled.is_err());
}

#[tokio::test]
async fn a_server_may_want_one_name_of_its_clients() {
    let directory = tempfile::tempdir().unwrap();
    let ours = Authority::new(directory.path(), "ours");
    let own = ours.sign("node", "DNS:node");
    let signers = named("ca-cert", ours.certificate());
    let clients = Clients { signers, common_name: Some("backup".to_owned()) };
    let acceptor = Acceptor::for_clients(pair(own), Some(clients)).unwrap();
    let connect = |own| Connector::new(own, trusting(&ours), None).unwrap();
    let right = connect(Some(pair(ours.sign("backup", "DNS:anything"))));
    let [served, dialled] = meet(&acceptor, &right, "node:1").await;
    assert_eq!((served.unwrap(), dialled.unwrap()), (7, 8));
    // The names for hosts don't count, nor does a part of the name.
    for (name, hosts) in [("other", "DNS:backup"), ("backup2", "DNS:backup"), ("Backup", "DNS:a")] {
        let wrong = connect(Some(pair(ours.sign(name, hosts))));
        let error = refused(meet(&acceptor, &wrong, "node:1").await);
        assert_eq!(error, "it does not let in the name in the certificate that it was shown");
    }
    let error = refused(meet(&acceptor, &connect(None), "node:1").await);
    assert_eq!(error, "it lets in only who shows a certificate");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_and_a_broken_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) =
        (Authority::new(directory.path(), "old"), Authority::new(directory.path(), "new"));
    let own = pair(old.sign("node", "DNS:node"));
    let key = own.key.path.clone();
    let acceptor = Acceptor::new(own, None).unwrap();
    let by_old = Connector::new(None, trusting(&old), None).unwrap();
    let by_new = Connector::new(None, trusting(&new), None).unwrap();
    assert!(meet(&acceptor, &by_old, "node:1").await[1].is_ok());

    new.sign("node", "DNS:node");
    assert!(meet(&acceptor, &by_new, "node:1").await[1].is_ok());
    assert!(meet(&acceptor, &by_old, "node:1").await[1].is_err());

    std::fs::write(&key, "no key").unwrap();
    assert!(meet(&acceptor, &by_new, "node:1").await[1].is_ok());
    std::fs::remove_file(&key).unwrap();
    assert!(meet(&acceptor, &by_new, "node:1").await[1].is_ok());
}

#[test]
fn files_that_are_no_use_are_told_with_their_flag() {
    let directory = tempfile::tempdir().unwrap();
    let ours = Authority::new(directory.path(), "ours");
    let (cert, key) = ours.sign("node", "DNS:node");
    let (_, other_key) = ours.sign("other", "DNS:node");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let absent = directory.path().join("absent");
    let text = write("text", "hello\n");
    let locked = write(
        "locked",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let cut = write("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    for (cert, key, part) in [
        (&absent, &key, "-cert"),
        (&absent, &key, "No such file"),
        (&cert, &absent, "-key"),
        (&text, &key, "holds no CERTIFICATE: a PEM file is needed"),
        (&key, &key, "holds no CERTIFICATE"),
        (&cut, &key, "is no PEM file"),
        (&cert, &cert, "holds no PRIVATE KEY"),
        (&cert, &locked, "openssl pkey"),
        (&cert, &other_key, "the private key does not belong to the certificate"),
    ] {
        let error = Acceptor::new(pair((cert.clone(), key.clone())), None).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    let error = Acceptor::new(pair((cert, key)), Some(named("ca", text))).unwrap_err();
    assert!(error.starts_with("-ca "), "{error}");
}

#[tokio::test]
async fn who_does_not_speak_tls_is_named_so() {
    let connector = Connector::new(None, Trust::Anyone, None).unwrap();
    let (near, mut far) = tokio::io::duplex(1 << 16);
    let speak = async { far.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap() };
    let (error, ()) = tokio::join!(connector.connect("h:1", near), speak);
    assert_eq!(explain(&error.unwrap_err()), "what answers there does not speak TLS");
}
