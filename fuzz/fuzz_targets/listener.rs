//! A node's PostgreSQL port, from the first byte on; what begins with a letter is sent after a start-up. The
//! node is a real one, in this process, with its data in a temporary directory, and keeps what inputs have
//! made.
#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::LazyLock;
use std::time::Duration;

use eider::{config, server};

const STARTUP: &[u8] = b"\0\0\0\x29\0\x03\0\0user\0postgres\0database\0postgres\0\0";
/// How long the node may take for an input, in which nothing waits for long.
const PATIENCE: Duration = Duration::from_secs(8);

/// The node's port, once it answers.
static PORT: LazyLock<u16> = LazyLock::new(|| {
    let ports: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free")).collect();
    let address = |at: usize| ports[at].local_addr().expect("it is bound").to_string();
    let directory = std::env::temp_dir().join(format!("eider-fuzz-{}", std::process::id()));
    let arguments = [
        "-node-id", "1", "-http-addr", &address(0), "-raft-addr", &address(1), "-pg-addr", &address(2),
        "-log-level", "error", "-raft-log-level", "error",
        directory.to_str().expect("temporary directories have plain names"),
    ];
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let Ok(config) = config::parse_serve(&arguments) else { panic!("these arguments are right") };
    let port = ports[2].local_addr().expect("it is bound").port();
    drop(ports);
    std::thread::spawn(move || {
        server::run(config);
        std::process::abort();
    });
    while answer(port, &[STARTUP, b"X\0\0\0\x04"].concat()).last().is_none_or(|last| *last != b'I') {
        std::thread::sleep(Duration::from_millis(20));
    }
    port
});

/// Sends it, and reads until the node has had enough.
fn answer(port: u16, bytes: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return answer };
    stream.set_read_timeout(Some(PATIENCE)).expect("it isn't zero");
    // It may have had enough before the end.
    let _sent = stream.write_all(bytes);
    let _sent = stream.shutdown(Shutdown::Write);
    if let Err(error) = stream.read_to_end(&mut answer) {
        let late = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
        assert!(!late.contains(&error.kind()), "the node goes on and on");
    }
    answer
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let port = *PORT;
    if bytes.first().is_some_and(u8::is_ascii_alphabetic) {
        answer(port, &[STARTUP, bytes].concat());
    } else {
        answer(port, bytes);
    }
});
