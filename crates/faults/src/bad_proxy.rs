//! An HTTP proxy on the loopback interface that damages every package. It simulates a bad connection or a bad mirror.

use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// The number of bytes of a package that it passes on.
const THROUGH: u64 = 1 << 20;

/// The kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The package ends early.
    Cut,
    /// The package has the right length, but contains only zeros.
    Zeros,
}

/// Starts the proxy, which runs as long as this process. Returns its URI.
///
/// # Errors
///
/// No port is available.
pub fn bad_proxy(harm: Harm) -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let uri = format!("http://{}", listener.local_addr()?);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // Errors of a connection are noticed at its other end.
            thread::spawn(move || drop(relay(client, harm)));
        }
    });
    Ok(uri)
}

/// Answers one request by asking the server in it. There is one request per connection.
fn relay(mut client: TcpStream, harm: Harm) -> io::Result<()> {
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
    match (path.ends_with(".deb"), harm) {
        (false, _) => io::copy(&mut server, &mut client)?,
        (true, Harm::Cut) => io::copy(&mut server.take(THROUGH), &mut client)?,
        (true, Harm::Zeros) => {
            let length = copy_head(&mut BufReader::new(server), &mut client)?;
            io::copy(&mut io::repeat(0).take(length), &mut client)?
        }
    };
    client.shutdown(Shutdown::Both)
}

/// Passes on the head of a response, and returns the length of its body in bytes.
fn copy_head(server: &mut impl BufRead, client: &mut impl Write) -> io::Result<u64> {
    let mut length = 0;
    for line in server.take(1 << 16).lines() {
        let line = line?;
        write!(client, "{line}\r\n")?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_an_answer_is_passed_on_with_nothing_of_what_follows() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-Length: 5\r\nX: y\r\n\r\nabcde";
        let mut passed = Vec::new();
        assert_eq!(copy_head(&mut answer.as_bytes(), &mut passed).unwrap(), 5);
        assert_eq!(passed, answer.strip_suffix("abcde").unwrap().as_bytes());
        assert!(copy_head(&mut "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".as_bytes(), &mut Vec::new()).is_err());
    }
}
