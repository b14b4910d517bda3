//! An HTTP proxy on the loopback interface that cuts every package short: a bad line, made on purpose.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// How much of a package gets through, in bytes.
const THROUGH: u64 = 1 << 20;

/// Starts the proxy, for as long as this process lives; gives its URI.
///
/// # Errors
///
/// No port can be had.
pub fn cutting_proxy() -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let uri = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // What goes wrong on a line shows at its other end.
            thread::spawn(move || drop(relay(client)));
        }
    });
    Ok(uri)
}

/// Answers one request by asking the server that it names, one request a connection.
fn relay(mut client: TcpStream) -> io::Result<()> {
    let mut head = BufReader::new(client.try_clone()?).take(1 << 16).lines();
    let refused = || io::Error::other("not a request that this proxy serves");
    let request = head.next().ok_or_else(refused)??;
    let uri =
        request.strip_prefix("GET http://").and_then(|rest| rest.strip_suffix(" HTTP/1.1")).ok_or_else(refused)?;
    let (host, path) = uri.split_once('/').ok_or_else(refused)?;
    let address = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };

    let mut server = TcpStream::connect(address)?;
    write!(server, "GET /{path} HTTP/1.1\r\nConnection: close\r\n")?;
    for line in head {
        let line = line?;
        let hop = line.to_ascii_lowercase();
        if !hop.starts_with("connection:") && !hop.starts_with("proxy-") {
            write!(server, "{line}\r\n")?;
        }
        if line.is_empty() {
            break;
        }
    }
    let limit = if path.ends_with(".deb") { THROUGH } else { u64::MAX };
    io::copy(&mut server.take(limit), &mut client)?;
    client.shutdown(Shutdown::Both)
}
